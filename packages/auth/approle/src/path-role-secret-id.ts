import { CofferError, formatTime, type JsonObject, randomId } from '@coffer/base';
import { definePath, type EngineContext, type EntryStorage, type Path } from '@coffer/framework';
import { createSecretId, NEW_SECRET_ID_FIELDS, SECRET_ID } from './new-secret-id.ts';
import { requireRole } from './role-entry.ts';
import { ROLE_NAME, roleSetting } from './role-settings.ts';
import type { SecretIdEntry, SecretIds } from './secret-ids.ts';

/** Settings of a role that say what its secret ids are like: name in the URL, and the field. */
const SETTINGS_IN_URL = [
  ['secret-id-bound-cidrs', 'secret_id_bound_cidrs'],
  ['secret-id-num-uses', 'secret_id_num_uses'],
  ['secret-id-ttl', 'secret_id_ttl'],
] as const;
const ACCESSOR = { type: 'string', required: true, description: "The secret ID's accessor." } as const;
/** What Vault shows for "never" (Go's zero time). */
const NEVER = '0001-01-01T00:00:00Z';

/** `role/:role_name/secret-id`, and what follows it in the URL. */
export function roleSecretIdPaths(context: EngineContext, secretIds: SecretIds): Path[] {
  const { storage } = context;
  return [
    generate(storage, secretIds),
    ...SETTINGS_IN_URL.map(([url, field]) => roleSetting(context, url, field)),
    ...bySecretId(storage, secretIds),
    ...byAccessor(storage, secretIds),
  ];
}

function generate(storage: EntryStorage, secretIds: SecretIds): Path {
  return definePath({
    pattern: 'role/:role_name/secret-id',
    foldedNames: ['role_name'],
    fields: NEW_SECRET_ID_FIELDS,
    synopsis: 'Generates a secret ID, or lists the accessors of all secret IDs.',
    list: async ({ fields }) => {
      await requireRole(storage, fields.role_name);
      return { data: { keys: await secretIds.accessors(fields.role_name) } };
    },
    write: ({ fields }) => createSecretId(storage, secretIds, fields, randomId()),
  });
}

function bySecretId(storage: EntryStorage, secretIds: SecretIds): Path[] {
  const fields = { role_name: ROLE_NAME, secret_id: SECRET_ID };
  const destroy = async (given: { role_name: string; secret_id: string }): Promise<undefined> => {
    const role = await requireRole(storage, given.role_name);
    await secretIds.destroy(given.role_name, role, given.secret_id);
    return undefined;
  };
  return [
    definePath({
      pattern: 'role/:role_name/secret-id/lookup',
      foldedNames: ['role_name'],
      fields,
      synopsis: 'Shows the limits and metadata of a secret ID.',
      write: async ({ fields: given }) => {
        const role = await requireRole(storage, given.role_name);
        const entry = await secretIds.lookup(given.role_name, role, given.secret_id);
        return entry && { data: secretIdView(entry) };
      },
    }),
    definePath({
      pattern: 'role/:role_name/secret-id/destroy',
      foldedNames: ['role_name'],
      fields,
      synopsis: 'Destroys a secret ID.',
      write: ({ fields: given }) => destroy(given),
      delete: ({ fields: given }) => destroy(given),
    }),
  ];
}

function byAccessor(storage: EntryStorage, secretIds: SecretIds): Path[] {
  const fields = { role_name: ROLE_NAME, secret_id_accessor: ACCESSOR };
  type Given = { role_name: string; secret_id_accessor: string };
  const missing = (accessor: string): CofferError =>
    new CofferError('not-found', `failed to find accessor entry for secret_id_accessor: ${JSON.stringify(accessor)}`);
  const destroy = async ({ role_name: name, secret_id_accessor: accessor }: Given): Promise<undefined> => {
    await requireRole(storage, name);
    if (!(await secretIds.destroyByAccessor(name, accessor))) throw missing(accessor);
    return undefined;
  };
  return [
    definePath({
      pattern: 'role/:role_name/secret-id-accessor/lookup',
      foldedNames: ['role_name'],
      fields,
      synopsis: 'Shows the limits and metadata of the secret ID with an accessor.',
      write: async ({ fields: given }) => {
        await requireRole(storage, given.role_name);
        const entry = await secretIds.byAccessor(given.role_name, given.secret_id_accessor);
        if (entry === undefined) throw missing(given.secret_id_accessor);
        return { data: secretIdView(entry) };
      },
    }),
    definePath({
      pattern: 'role/:role_name/secret-id-accessor/destroy',
      foldedNames: ['role_name'],
      fields,
      synopsis: 'Destroys the secret ID with an accessor.',
      write: ({ fields: given }) => destroy(given),
      delete: ({ fields: given }) => destroy(given),
    }),
  ];
}

function secretIdView(entry: SecretIdEntry): JsonObject {
  return {
    cidr_list: entry.boundCidrs,
    creation_time: formatTime(entry.creationTime),
    expiration_time: entry.expireTime === null ? NEVER : formatTime(entry.expireTime),
    last_updated_time: formatTime(entry.lastUpdated),
    metadata: entry.metadata,
    secret_id_accessor: entry.accessor,
    secret_id_num_uses: entry.usesLeft,
    secret_id_ttl: entry.ttl,
    token_bound_cidrs: entry.tokenBoundCidrs,
  };
}
