import { CofferError, type JsonObject } from '@coffer/base';
import { definePath, type FieldValues, type Path, type PathResponse } from '@coffer/framework';
import { identityPolicies, idsOf, nameOf, pairsOf } from './identity-fields.ts';
import type { IdentityServices } from './identity-services.ts';
import { aliasInList, entityView } from './identity-view.ts';

const FIELDS = {
  id: { type: 'string', default: '', description: "The entity's id: changes that one." },
  name: {
    type: 'string',
    default: '',
    description: "The entity's name, in upper or lower case; generated when absent.",
  },
  metadata: { type: 'object', description: 'Key/value pairs, which the templates of policies can use.' },
  policies: {
    type: 'comma-strings',
    policies: true,
    description: 'Policies of everyone who acts as this entity, in addition to those of their token.',
  },
  disabled: {
    type: 'boolean',
    description: "Refuse the entity's tokens and logins. The tokens are not revoked.",
  },
} as const;
type Fields = FieldValues<typeof FIELDS>;
const BY_ID = { ...FIELDS, id: { type: 'string', required: true, description: "The entity's ID." } } as const;
const BY_NAME = { ...FIELDS, name: { type: 'string', required: true, description: "The entity's name." } } as const;

/** `identity/entity`, with `/id` and `/name` below. */
export function entityPaths(services: IdentityServices): Path[] {
  const { identity, mounts } = services;
  const { entities } = identity;
  const show = async (id: string | undefined): Promise<PathResponse> => {
    const found = id === undefined ? undefined : await identity.find(id);
    return found && { data: entityView(found, services) };
  };
  const write = async (fields: Fields): Promise<PathResponse> => {
    const name = nameOf(fields.name);
    const metadata = pairsOf(fields.metadata, 'metadata');
    const policies = fields.policies && identityPolicies(fields.policies);
    const { entity, isNew } = await entities.write({ id: fields.id, name }, (present) => ({
      ...present,
      ...(metadata !== undefined && { metadata }),
      ...(policies !== undefined && { policies }),
      ...(fields.disabled !== undefined && { disabled: fields.disabled }),
    }));
    return isNew ? { data: { aliases: null, id: entity.id, name: entity.name } } : undefined;
  };
  const list = async (by: 'id' | 'name'): Promise<PathResponse> => {
    const all = await entities.all();
    const info = all.map(({ entity, aliases }): [string, JsonObject] => [
      entity.id,
      {
        name: entity.name,
        ...(aliases.length > 0 && { aliases: aliases.map((alias) => aliasInList(alias, mounts)) }),
      },
    ]);
    return { data: { keys: all.map(({ entity }) => entity[by]).sort(), key_info: Object.fromEntries(info) } };
  };
  return [
    definePath({
      pattern: 'entity',
      fields: FIELDS,
      synopsis: 'Creates an entity, or changes the one with this id or name.',
      write: ({ fields }) => write(fields),
    }),
    definePath({
      pattern: 'entity/id',
      fields: {},
      synopsis: 'Lists the entity IDs.',
      list: () => list('id'),
    }),
    definePath({
      pattern: 'entity/id/:id',
      fields: BY_ID,
      synopsis: 'Shows, updates or deletes an entity. The tokens of a deleted entity are refused.',
      read: ({ fields }) => show(fields.id),
      write: ({ fields }) => write(fields),
      delete: async ({ fields }) => {
        await entities.delete([fields.id]);
        return undefined;
      },
    }),
    definePath({
      pattern: 'entity/name',
      fields: {},
      synopsis: 'Lists the entity names.',
      list: () => list('name'),
    }),
    definePath({
      pattern: 'entity/name/:name*',
      fields: BY_NAME,
      synopsis: 'Shows, creates, changes or deletes an entity by its name.',
      read: async ({ fields }) => show((await entities.byName(fields.name))?.id),
      write: ({ fields }) => write(fields),
      delete: async ({ fields }) => {
        const found = await entities.byName(fields.name);
        if (found !== undefined) await entities.delete([found.id]);
        return undefined;
      },
    }),
    definePath({
      pattern: 'entity/batch-delete',
      fields: { entity_ids: { type: 'comma-strings', default: [], description: 'The IDs of the entities.' } },
      synopsis: 'Deletes entities.',
      write: async ({ fields }) => {
        const ids = idsOf(fields.entity_ids, 'entity_ids') ?? [];
        if (ids.length === 0) throw new CofferError('invalid-request', 'missing entity ids to delete');
        await entities.delete(ids);
        return undefined;
      },
    }),
    definePath({
      pattern: 'entity/merge',
      fields: {},
      otherFields: 'accept',
      synopsis: 'Not supported: entities cannot be merged.',
      write: () => {
        throw new CofferError(
          'invalid-request',
          'entities cannot be merged: move the aliases of one to the other (identity/entity-alias/id/ID with canonical_id), then delete it',
        );
      },
    }),
  ];
}
