import { CofferError } from '@coffer/base';
import { checkNames, type Condition, foldName, type LoginAlias } from '@coffer/framework';
import type { SqlStatement } from '@coffer/store';
import { insertWhile } from '../barrier/insert-while.ts';
import type { Identities, Identity } from './identities.ts';
import { type Alias, newAlias, newEntity } from './identity.ts';
import { fitMetadata } from './metadata.ts';

/** Whom an auth method has found somebody to be, and where. */
export interface MountedAlias extends LoginAlias {
  readonly mountAccessor: string;
}

/** What the transaction that makes the token of a login has to do besides, so that the token stands for this entity. */
export interface IdentityLogin {
  readonly entityId: string;
  /** Whether there was no entity before. */
  readonly isFirst: boolean;
  /** Makes the entity, or brings its alias and groups up to date. To be run before the token is made, while `provided` holds. */
  readonly statements: readonly SqlStatement[];
  /** What must hold when the token is made: the alias is this entity's, and that is not disabled. */
  readonly conditions: readonly Condition[];
  /** Whose kept identity it changes: none for a new entity, which nobody keeps. */
  readonly changes: readonly string[];
}

/**
 * The entity of a login, which is made if there is none yet (hashicorp/vault:vault/identity_store.go CreateOrFetchEntity). Of two
 * first logins at once one makes it: the other's token is refused by its conditions, and this is asked again.
 *
 * `provided`: what must hold for the login itself: without it no entity is made either.
 * @throws CofferError `permission-denied` when the entity is disabled; `invalid-request` or `failed` for an alias that cannot be kept
 */
export async function identityLogin(
  identities: Identities,
  given: MountedAlias,
  provided: readonly Condition[],
): Promise<IdentityLogin> {
  checkAlias(given);
  const alias = await identities.aliasOf('entity', given.mountAccessor, given.name);
  return alias === undefined ? firstLogin(identities, given, provided) : knownLogin(identities, given, alias, provided);
}

function checkAlias({ name, groups = [] }: MountedAlias): void {
  if (name === '') throw new CofferError('failed', 'missing name in alias');
  checkNames([name], 'alias name');
  checkNames(groups, 'groups');
}

async function firstLogin(
  identities: Identities,
  { name, mountAccessor, groups = [], ...given }: MountedAlias,
  provided: readonly Condition[],
): Promise<IdentityLogin> {
  const metadata = fitMetadata(given.metadata);
  const { seal } = identities;
  const entity = newEntity();
  const alias = newAlias({ kind: 'entity', canonicalId: entity.id, mountAccessor, name, metadata });
  const conditions = conditionsOf(alias);
  const { sql, params } = insertWhile(insertionOf(identities, alias), provided);
  const made = insertWhile(
    {
      into: 'identity_entities (id, name, disabled, value)',
      values: '$1, $2, 0, $3',
      params: [entity.id, foldName(entity.name), seal.entity(entity)],
      onConflict: 'ON CONFLICT DO NOTHING',
    },
    // Where another login was faster its alias is there, and not this one.
    [aliasThere(alias)],
  );
  const joined = await externalGroups(identities, mountAccessor, groups);
  return {
    entityId: entity.id,
    isFirst: true,
    // The ids are made up here: run again, they find their own rows.
    statements: [
      { sql, ...(params && { params }), repeatable: true },
      { ...made, repeatable: true },
      ...joined.map((group) => joinGroup(identities, entity.id, group, conditions)),
    ],
    conditions,
    changes: [],
  };
}

async function knownLogin(
  identities: Identities,
  given: MountedAlias,
  alias: Alias,
  provided: readonly Condition[],
): Promise<IdentityLogin> {
  const identity = await identities.find(alias.canonicalId);
  // Gone since the alias was read, with it: whoever comes next makes another one.
  if (identity === undefined || identity.entity.disabled)
    throw new CofferError('permission-denied', 'permission denied');
  const conditions = conditionsOf(alias);
  const statements = [
    ...refreshAlias(identities, given, alias),
    ...(await refreshGroups(identities, given, identity, [...conditions, ...provided])),
  ];
  const changes = statements.length === 0 ? [] : [alias.canonicalId];
  return { entityId: alias.canonicalId, isFirst: false, statements, conditions, changes };
}

/** What the method says of them now, in the place of what it said at the latest login. */
function refreshAlias({ seal }: Identities, { name, ...given }: MountedAlias, alias: Alias): SqlStatement[] {
  const metadata = fitMetadata(given.metadata);
  // As in Vault, an alias that is written in another case stays as it is.
  if (name !== alias.name || isSame(metadata, alias.metadata)) return [];
  const changed = seal.alias({ ...alias, metadata, lastUpdateTime: Date.now() });
  return [
    {
      sql: 'UPDATE identity_aliases SET value = $2 WHERE id = $1 AND value = $3',
      params: [alias.id, changed, seal.sealedOf(alias)],
    },
  ];
}

/** The external groups of this mount are those that the method names now (RefreshExternalGroupMembershipsByEntityID). */
async function refreshGroups(
  identities: Identities,
  { mountAccessor, groups = [] }: MountedAlias,
  { entity, groups: present }: Identity,
  conditions: readonly Condition[],
): Promise<SqlStatement[]> {
  const wanted = await externalGroups(identities, mountAccessor, groups);
  const left = present.filter(
    ({ id, type, direct, alias }) =>
      type === 'external' &&
      direct &&
      (alias === undefined || alias.mountAccessor === mountAccessor) &&
      !wanted.some(({ canonicalId }) => canonicalId === id),
  );
  const joined = wanted.filter(({ canonicalId }) => !present.some(({ id, direct }) => direct && id === canonicalId));
  return [
    ...left.map(({ id }) => ({
      sql: 'DELETE FROM identity_members WHERE group_id = $1 AND member_id = $2',
      params: [id, entity.id],
    })),
    ...joined.map((alias) => joinGroup(identities, entity.id, alias, conditions)),
  ];
}

/** The aliases of groups by which a mount knows these names. */
async function externalGroups(
  identities: Identities,
  mountAccessor: string,
  names: readonly string[],
): Promise<readonly Alias[]> {
  const folded = [...new Set(names.map(foldName))];
  if (folded.length === 0) return [];
  const list = folded.map((_, index) => `$${index + 3}`).join(', ');
  return identities.aliases(
    `mount_accessor = $1 AND kind = $2 AND name IN (${list})`,
    mountAccessor,
    'group',
    ...folded,
  );
}

function joinGroup(
  { seal }: Identities,
  entityId: string,
  alias: Alias,
  conditions: readonly Condition[],
): SqlStatement {
  const insertion = {
    into: 'identity_members (group_id, member_id, kind, value)',
    values: '$1, $2, $3, $4',
    params: [alias.canonicalId, entityId, 'entity', seal.member(alias.canonicalId, entityId, 'entity')],
    onConflict: 'ON CONFLICT DO NOTHING',
  };
  // The group's alias stands for the group, which goes with it.
  return { ...insertWhile(insertion, [aliasThere(alias), ...conditions]), repeatable: true };
}

function conditionsOf(alias: Alias): readonly Condition[] {
  return [aliasThere(alias), { table: 'identity_entities', row: { id: alias.canonicalId, disabled: 0 } }];
}

function aliasThere({ id, canonicalId, mountAccessor, name }: Alias): Condition {
  return {
    table: 'identity_aliases',
    row: { id, canonical_id: canonicalId, mount_accessor: mountAccessor, name: foldName(name) },
  };
}

/** The statement that makes an alias, unless its mount knows another one by this name, or the entity or group has one there. */
export function insertionOf({ seal }: Pick<Identities, 'seal'>, alias: Alias) {
  return {
    into: 'identity_aliases (id, kind, mount_accessor, name, canonical_id, value)',
    values: '$1, $2, $3, $4, $5, $6',
    params: [...columnsOf(alias), seal.alias(alias)],
    onConflict: 'ON CONFLICT DO NOTHING',
  };
}

function columnsOf({ id, kind, mountAccessor, name, canonicalId }: Alias): string[] {
  return [id, kind, mountAccessor, foldName(name), canonicalId];
}

function isSame(a: Readonly<Record<string, string>> | null, b: Readonly<Record<string, string>> | null): boolean {
  const [left, right] = [Object.entries(a ?? {}), Object.entries(b ?? {})];
  return left.length === right.length && left.every(([key, value]) => b?.[key] === value);
}
