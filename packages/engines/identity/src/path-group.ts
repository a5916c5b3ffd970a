import { CofferError, type JsonObject } from '@coffer/base';
import type { Group, GroupWithMembers } from '@coffer/core';
import { definePath, type FieldValues, type Path, type PathResponse } from '@coffer/framework';
import { identityPolicies, idsOf, nameOf, pairsOf } from './identity-fields.ts';
import type { IdentityServices } from './identity-services.ts';
import { aliasInList, groupView } from './identity-view.ts';

const FIELDS = {
  id: { type: 'string', default: '', description: "The group's id: changes that one." },
  name: {
    type: 'string',
    default: '',
    description: "The group's name, in upper or lower case; generated when absent.",
  },
  type: {
    type: 'string',
    description: '"internal" (default), or "external": an auth method names its members when they log in.',
  },
  metadata: { type: 'object', description: 'Key/value pairs, which policy templates can use.' },
  policies: { type: 'comma-strings', policies: true, description: 'Policies of its members.' },
  member_entity_ids: { type: 'comma-strings', description: 'Ids of the entities in it; replaces the existing list.' },
  member_group_ids: {
    type: 'comma-strings',
    description: 'Ids of the groups whose members are in it; replaces the existing list.',
  },
} as const;
type Fields = FieldValues<typeof FIELDS>;

/** `identity/group`, with `/id` and `/name` below. */
export function groupPaths({ identity, mounts }: IdentityServices): Path[] {
  const { groups } = identity;
  const show = async (group: Group | undefined): Promise<PathResponse> =>
    group && { data: groupView(await groups.withMembers(group), mounts) };
  const write = async (present: Group | undefined, fields: Fields): Promise<PathResponse> => {
    const metadata = pairsOf(fields.metadata, 'metadata');
    const policies = fields.policies && identityPolicies(fields.policies);
    const type = groupType(fields.type, present);
    const members = membersOf(fields, type);
    const { group, isNew } = await groups.write(
      present,
      (before) => ({
        ...before,
        type,
        ...(fields.name !== '' && { name: nameOf(fields.name) }),
        ...(metadata !== undefined && { metadata }),
        ...(policies !== undefined && { policies }),
      }),
      members,
    );
    return isNew ? { data: { id: group.id, name: group.name } } : undefined;
  };
  const writeById = async (fields: Fields): Promise<PathResponse> => {
    const present = await groups.byId(fields.id);
    if (present === undefined) throw new CofferError('invalid-request', 'invalid group ID');
    return write(present, fields);
  };
  const writeByName = async (fields: Fields): Promise<PathResponse> => write(await groups.byName(fields.name), fields);
  const remove = async (group: Group | undefined): Promise<undefined> => {
    if (group !== undefined) await groups.delete(group);
  };
  const list = async (by: 'id' | 'name'): Promise<PathResponse> => {
    const all = await groups.all();
    const info = all.map((each): [string, JsonObject] => [each.group.id, infoOf(each)]);
    return { data: { keys: all.map(({ group }) => group[by]).sort(), key_info: Object.fromEntries(info) } };
  };
  const infoOf = ({ group, alias, entityIds, parentIds }: GroupWithMembers) => ({
    name: group.name,
    num_member_entities: entityIds.length,
    num_parent_groups: parentIds.length,
    ...(alias && { alias: aliasInList(alias, mounts) }),
  });
  return [
    definePath({
      pattern: 'group',
      fields: FIELDS,
      synopsis: 'Creates a group, or changes the one with this id or name.',
      write: ({ fields }) => {
        if (fields.id !== '') return writeById(fields);
        return fields.name === '' ? write(undefined, fields) : writeByName(fields);
      },
    }),
    definePath({ pattern: 'group/id', fields: {}, synopsis: 'Lists the group IDs.', list: () => list('id') }),
    definePath({
      pattern: 'group/id/:id',
      fields: { ...FIELDS, id: { type: 'string', required: true, description: "The group's ID." } },
      synopsis: 'Shows, updates or deletes a group.',
      read: async ({ fields }) => show(await groups.byId(fields.id)),
      write: ({ fields }) => writeById(fields),
      delete: async ({ fields }) => remove(await groups.byId(fields.id)),
    }),
    definePath({ pattern: 'group/name', fields: {}, synopsis: 'Lists the group names.', list: () => list('name') }),
    definePath({
      pattern: 'group/name/:name*',
      fields: { ...FIELDS, name: { type: 'string', required: true, description: "The group's name." } },
      synopsis: 'Shows, creates, changes or deletes a group by its name.',
      read: async ({ fields }) => show(await groups.byName(fields.name)),
      write: ({ fields }) => writeByName(fields),
      delete: async ({ fields }) => remove(await groups.byName(fields.name)),
    }),
  ];
}

function groupType(given: string | undefined, present: Group | undefined): Group['type'] {
  if (given !== undefined && present !== undefined && given !== present.type) refuse('group type cannot be changed');
  const type = (given ?? present?.type) || 'internal';
  if (type === 'internal' || type === 'external') return type;
  return refuse(`invalid group type ${JSON.stringify(type.slice(0, 100))}`);
}

function membersOf(fields: Fields, type: Group['type']) {
  const entityIds = idsOf(fields.member_entity_ids, 'member_entity_ids');
  const groupIds = idsOf(fields.member_group_ids, 'member_group_ids');
  if (type === 'external' && entityIds !== undefined)
    refuse("member entities can't be set manually for external groups");
  if (type === 'external' && groupIds !== undefined) refuse("member groups can't be set for external groups");
  return { ...(entityIds && { entityIds }), ...(groupIds && { groupIds }) };
}

function refuse(message: string): never {
  throw new CofferError('invalid-request', message);
}
