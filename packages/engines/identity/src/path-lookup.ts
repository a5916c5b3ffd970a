import { CofferError } from '@coffer/base';
import type { Alias } from '@coffer/core';
import { definePath, type FieldValues, type Path } from '@coffer/framework';
import type { IdentityServices } from './identity-services.ts';
import { entityView, groupView } from './identity-view.ts';

const FIELDS = {
  id: { type: 'string', description: 'The ID.' },
  name: { type: 'string', description: 'The name.' },
  alias_id: { type: 'string', description: 'The id of one of its aliases.' },
  alias_name: { type: 'string', description: 'With alias_mount_accessor: the name by which an auth method knows it.' },
  alias_mount_accessor: { type: 'string', description: 'The accessor of that auth method.' },
} as const;
type Fields = FieldValues<typeof FIELDS>;

/** `identity/lookup/entity`, `identity/lookup/group`. */
export function lookupPaths(services: IdentityServices): Path[] {
  const { identity, mounts } = services;
  const aliasOf = async (kind: Alias['kind'], fields: Fields): Promise<Alias | undefined> => {
    const { alias_id: id, alias_name: name, alias_mount_accessor: accessor } = fields;
    if (id) return identity.aliases.byId(kind, id);
    return name && accessor ? identity.aliases.byFactors(kind, accessor, name) : undefined;
  };
  return [
    definePath({
      pattern: 'lookup/entity',
      fields: FIELDS,
      synopsis: 'Finds an entity by ID, name or alias.',
      write: async ({ fields }) => {
        checkQuestion(fields);
        const named = fields.name ? (await identity.entities.byName(fields.name))?.id : undefined;
        const id = fields.id || named || (await aliasOf('entity', fields))?.canonicalId;
        const found = id === undefined ? undefined : await identity.find(id);
        return found && { data: entityView(found, services) };
      },
    }),
    definePath({
      pattern: 'lookup/group',
      fields: FIELDS,
      synopsis: 'Finds a group by ID, name or alias.',
      write: async ({ fields }) => {
        checkQuestion(fields);
        const named = fields.name ? await identity.groups.byName(fields.name) : undefined;
        const id = fields.id || (await aliasOf('group', fields))?.canonicalId;
        const group = named ?? (id === undefined ? undefined : await identity.groups.byId(id));
        return group && { data: groupView(await identity.groups.withMembers(group), mounts) };
      },
    }),
  ];
}

/** One question at a time (hashicorp/vault:vault/identity_lookup.go). @throws CofferError `invalid-request` */
function checkQuestion(fields: Fields): void {
  const { alias_name: name, alias_mount_accessor: accessor } = fields;
  const count = Object.keys(FIELDS).filter((field) => fields[field as keyof Fields] !== undefined).length;
  const refuse = (message: string): never => {
    throw new CofferError('invalid-request', message);
  };
  if (count === 0) refuse('query parameter not supplied');
  if (count === 1 && (name || accessor)) refuse("both 'alias_name' and 'alias_mount_accessor' needs to be set");
  if (count > 1 && !(count === 2 && name && accessor)) {
    refuse('query parameter conflict; please supply distinct set of query parameters');
  }
}
