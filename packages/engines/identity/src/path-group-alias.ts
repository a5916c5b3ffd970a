import { CofferError } from '@coffer/base';
import { definePath, type FieldValues, type Path, type PathResponse } from '@coffer/framework';
import { nameOf } from './identity-fields.ts';
import type { IdentityServices } from './identity-services.ts';
import { aliasList, aliasView } from './identity-view.ts';

const FIELDS = {
  id: { type: 'string', default: '', description: "The alias's id: changes that one." },
  name: { type: 'string', default: '', description: 'The name by which the auth method knows the group.' },
  mount_accessor: {
    type: 'string',
    default: '',
    description: 'The accessor of the auth method: see "auth list".',
  },
  canonical_id: {
    type: 'string',
    default: '',
    description: 'The id of the external group; a new one is created when absent.',
  },
} as const;
type Fields = FieldValues<typeof FIELDS>;

/** `identity/group-alias`, with `/id` below. */
export function groupAliasPaths({ identity, mounts }: IdentityServices): Path[] {
  const { aliases, groups } = identity;
  const write = async (fields: Fields): Promise<PathResponse> => {
    const present = fields.id === '' ? undefined : await aliases.byId('group', fields.id);
    if (fields.id !== '' && present === undefined) throw new CofferError('invalid-request', 'invalid group alias ID');
    if (fields.name === '') throw new CofferError('invalid-request', 'missing alias name');
    if (fields.mount_accessor === '') throw new CofferError('invalid-request', 'missing mount_accessor');
    const written = await groups.writeAlias(present, {
      name: nameOf(fields.name),
      mountAccessor: nameOf(fields.mount_accessor),
      canonicalId: fields.canonical_id,
    });
    return written && { data: { canonical_id: written.canonicalId, id: written.id } };
  };
  return [
    definePath({
      pattern: 'group-alias',
      fields: FIELDS,
      synopsis: 'Creates the alias of an external group, or changes the one with this id.',
      write: ({ fields }) => write(fields),
    }),
    definePath({
      pattern: 'group-alias/id',
      fields: {},
      synopsis: 'Lists the IDs of group aliases.',
      list: async () => ({ data: aliasList(await aliases.all('group'), mounts) }),
    }),
    definePath({
      pattern: 'group-alias/id/:id',
      fields: { ...FIELDS, id: { type: 'string', required: true, description: "The alias's ID." } },
      synopsis: 'Shows, updates or deletes a group alias.',
      read: async ({ fields }) => {
        const alias = await aliases.byId('group', fields.id);
        return alias && { data: { ...aliasView(alias, mounts), namespace_id: 'root' } };
      },
      write: ({ fields }) => write(fields),
      delete: async ({ fields }) => {
        await aliases.delete('group', fields.id);
        return undefined;
      },
    }),
  ];
}
