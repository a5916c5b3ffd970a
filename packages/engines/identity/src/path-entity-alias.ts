import { CofferError } from '@coffer/base';
import { definePath, type FieldValues, type Path, type PathResponse } from '@coffer/framework';
import { nameOf, pairsOf } from './identity-fields.ts';
import type { IdentityServices } from './identity-services.ts';
import { aliasList, aliasView } from './identity-view.ts';

const FIELDS = {
  id: { type: 'string', default: '', description: 'The ID of the alias to update.' },
  name: {
    type: 'string',
    default: '',
    description: 'The name by which the auth method knows the entity: a user name, a role id.',
  },
  mount_accessor: {
    type: 'string',
    default: '',
    description: 'The accessor of the auth method: see "auth list".',
  },
  canonical_id: { type: 'string', default: '', description: 'The id of the entity; a new one is created when absent.' },
  entity_id: { type: 'string', default: '', description: 'Older spelling of canonical_id.' },
  custom_metadata: { type: 'object', description: 'Key/value pairs, which policy templates can use.' },
} as const;
type Fields = FieldValues<typeof FIELDS>;

/** `identity/entity-alias`, with `/id` below. */
export function entityAliasPaths({ identity, mounts }: IdentityServices): Path[] {
  const { aliases } = identity;
  const write = async (fields: Fields): Promise<PathResponse> => {
    const customMetadata = pairsOf(fields.custom_metadata, 'custom_metadata');
    const change = {
      name: nameOf(fields.name),
      mountAccessor: nameOf(fields.mount_accessor),
      canonicalId: fields.canonical_id || fields.entity_id,
      ...(customMetadata !== undefined && { customMetadata }),
    };
    if (fields.id === '' && (change.name === '' || change.mountAccessor === '')) {
      throw new CofferError('invalid-request', "'id' or 'mount_accessor' and 'name' must be provided");
    }
    const present =
      fields.id === ''
        ? await aliases.byFactors('entity', change.mountAccessor, change.name)
        : await aliases.byId('entity', fields.id);
    if (fields.id !== '' && present === undefined)
      throw new CofferError('invalid-request', 'invalid alias ID provided');
    // Found by its name, it loses its metadata when none is given, as in Vault.
    const found =
      present !== undefined && fields.id === '' ? { ...change, customMetadata: customMetadata ?? {} } : change;
    const written = present === undefined ? await aliases.create(change) : await aliases.update(present, found);
    return written && { data: { canonical_id: written.canonicalId, id: written.id } };
  };
  return [
    definePath({
      pattern: 'entity-alias',
      fields: FIELDS,
      synopsis: 'Creates an alias of an entity, or changes the one with this id, or with this name at this mount.',
      write: ({ fields }) => write(fields),
    }),
    definePath({
      pattern: 'entity-alias/id',
      fields: {},
      synopsis: 'Lists the IDs of entity aliases.',
      list: async () => ({ data: aliasList(await aliases.all('entity'), mounts) }),
    }),
    definePath({
      pattern: 'entity-alias/id/:id',
      fields: { ...FIELDS, id: { type: 'string', required: true, description: "The alias's ID." } },
      synopsis: 'Shows, updates or deletes an entity alias.',
      read: async ({ fields }) => {
        const alias = await aliases.byId('entity', fields.id);
        return alias && { data: { ...aliasView(alias, mounts), namespace_id: 'root' } };
      },
      write: ({ fields }) => write(fields),
      delete: async ({ fields }) => {
        await aliases.delete('entity', fields.id);
        return undefined;
      },
    }),
  ];
}
