import { formatTime, type JsonObject } from '@coffer/base';
import type { Alias, GroupWithMembers, Identity } from '@coffer/core';
import type { IdentityServices } from './identity-services.ts';

/** An entity as reading it shows it. */
export function entityView({ entity, aliases, groups }: Identity, { mounts }: IdentityServices): JsonObject {
  const ids = (direct: boolean): string[] => groups.filter((group) => group.direct === direct).map(({ id }) => id);
  return {
    aliases: aliases.map((alias) => aliasView(alias, mounts)),
    creation_time: formatTime(entity.creationTime),
    direct_group_ids: ids(true),
    disabled: entity.disabled,
    group_ids: [...ids(true), ...ids(false)],
    id: entity.id,
    inherited_group_ids: ids(false),
    last_update_time: formatTime(entity.lastUpdateTime),
    merged_entity_ids: null,
    metadata: entity.metadata,
    name: entity.name,
    namespace_id: 'root',
    policies: entity.policies,
  };
}

export function aliasView(alias: Alias, mounts: IdentityServices['mounts']): JsonObject {
  return {
    canonical_id: alias.canonicalId,
    creation_time: formatTime(alias.creationTime),
    custom_metadata: alias.customMetadata,
    id: alias.id,
    last_update_time: formatTime(alias.lastUpdateTime),
    local: false,
    merged_from_canonical_ids: null,
    metadata: alias.metadata,
    mount_accessor: alias.mountAccessor,
    ...mountView(alias, mounts),
    name: alias.name,
  };
}

/** Where an alias comes from; nothing when that is gone. */
export function mountView({ mountAccessor }: Alias, mounts: IdentityServices['mounts']): JsonObject {
  const mount = mounts.byAccessor(mountAccessor)?.mount;
  return mount === undefined ? {} : { mount_path: mount.path, mount_type: mount.type };
}

/** A group as reading it shows it. Lists without items are null, as in Vault. */
export function groupView(
  { group, alias, entityIds, groupIds, parentIds }: GroupWithMembers,
  mounts: IdentityServices['mounts'],
): JsonObject {
  return {
    alias: alias === undefined ? {} : aliasOfGroup(alias, mounts),
    creation_time: formatTime(group.creationTime),
    id: group.id,
    last_update_time: formatTime(group.lastUpdateTime),
    member_entity_ids: orNull(entityIds),
    member_group_ids: orNull(groupIds),
    metadata: group.metadata,
    modify_index: group.modifyIndex,
    name: group.name,
    namespace_id: 'root',
    parent_group_ids: orNull(parentIds),
    policies: orNull(group.policies),
    type: group.type,
  };
}

function aliasOfGroup(alias: Alias, mounts: IdentityServices['mounts']): JsonObject {
  const fields = Object.entries(aliasView(alias, mounts));
  return Object.fromEntries(fields.filter(([name]) => name !== 'local' && name !== 'custom_metadata'));
}

function orNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}

/** The answer to a list of aliases. */
export function aliasList(aliases: readonly Alias[], mounts: IdentityServices['mounts']): JsonObject {
  return {
    keys: aliases.map(({ id }) => id),
    key_info: Object.fromEntries(
      aliases.map((alias) => [
        alias.id,
        {
          canonical_id: alias.canonicalId,
          custom_metadata: alias.customMetadata,
          local: false,
          metadata: alias.metadata,
          mount_accessor: alias.mountAccessor,
          ...mountView(alias, mounts),
          name: alias.name,
        },
      ]),
    ),
  };
}

/** An alias in a list of what has it. */
export function aliasInList(alias: Alias, mounts: IdentityServices['mounts']): JsonObject {
  return { id: alias.id, mount_accessor: alias.mountAccessor, ...mountView(alias, mounts), name: alias.name };
}
