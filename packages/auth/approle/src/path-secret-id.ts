import { CofferError, formatTime, isStringMap, type JsonObject, parseBoundedJson, randomId } from '@coffer/base';
import {
  cidrsWithin,
  definePath,
  type EntryStorage,
  type FieldValues,
  parseCidrs,
  type Path,
  type PathResponse,
} from '@coffer/framework';
import { ROLE_NAME } from './path-role.ts';
import { requireRole, type RoleEntry } from './role-entry.ts';
import type { NewSecretId, SecretIdEntry, SecretIds } from './secret-ids.ts';

const SECRET_ID = { type: 'string', required: true, description: 'The secret id.' } as const;
const ACCESSOR = { type: 'string', required: true, description: "The secret id's accessor." } as const;
const GENERATE = {
  role_name: ROLE_NAME,
  metadata: { type: 'string', default: '', description: 'A JSON object of strings; shows in the tokens.' },
  cidr_list: { type: 'comma-strings', default: [], description: 'Networks that may log in with it.' },
  token_bound_cidrs: { type: 'comma-strings', default: [], description: 'Networks that its tokens may be used from.' },
  num_uses: { type: 'integer', description: "How often it may be used; the role's when absent." },
  ttl: { type: 'duration', description: "How long it is valid; the role's when absent." },
} as const;

/** What Vault shows for "never" (Go's zero time). */
const NEVER = '0001-01-01T00:00:00Z';

/** `role/:role_name/secret-id...`, `.../custom-secret-id`, `tidy/secret-id`. */
export function secretIdPaths(storage: EntryStorage, secretIds: SecretIds): Path[] {
  return [
    ...bySecretId(storage, secretIds),
    ...byAccessor(storage, secretIds),
    generate(storage, secretIds),
    custom(storage, secretIds),
    definePath({
      pattern: 'tidy/secret-id',
      fields: {},
      synopsis: 'Removes secret ids that have expired. This also happens by itself.',
      write: async () => {
        await secretIds.sweep();
        return undefined;
      },
    }),
  ];
}

function generate(storage: EntryStorage, secretIds: SecretIds): Path {
  return definePath({
    pattern: 'role/:role_name/secret-id',
    foldedNames: ['role_name'],
    fields: GENERATE,
    synopsis: 'Makes a secret id, or lists the accessors of all.',
    list: async ({ fields }) => {
      await requireRole(storage, fields.role_name);
      const keys = await secretIds.accessors(fields.role_name);
      if (keys.length === 0) throw new CofferError('not-found', '');
      return { data: { keys } };
    },
    write: ({ fields }) => create(storage, secretIds, fields, randomId()),
  });
}

function custom(storage: EntryStorage, secretIds: SecretIds): Path {
  return definePath({
    pattern: 'role/:role_name/custom-secret-id',
    foldedNames: ['role_name'],
    fields: { ...GENERATE, secret_id: SECRET_ID },
    synopsis: 'Takes a secret id that was made elsewhere.',
    write: ({ fields }) => create(storage, secretIds, fields, fields.secret_id),
  });
}

async function create(
  storage: EntryStorage,
  secretIds: SecretIds,
  fields: FieldValues<typeof GENERATE>,
  secretId: string,
): Promise<PathResponse> {
  const role = await requireRole(storage, fields.role_name);
  if (secretId === '') throw new CofferError('invalid-request', 'missing secret_id');
  if (!role.bindSecretId) throw new CofferError('invalid-request', 'bind_secret_id is not set on the role');
  const entry = await secretIds.create(fields.role_name, role, secretId, newSecretId(role, fields));
  return {
    data: {
      secret_id: secretId,
      secret_id_accessor: entry.accessor,
      secret_id_num_uses: entry.numUses,
      secret_id_ttl: entry.ttl,
    },
  };
}

function newSecretId(role: RoleEntry, fields: FieldValues<typeof GENERATE>): NewSecretId {
  const { ttl = role.secretIdTtl, num_uses: numUses = role.secretIdNumUses } = fields;
  if (numUses < 0) throw new CofferError('invalid-request', 'num_uses cannot be negative');
  if (role.secretIdNumUses > 0 && (numUses === 0 || numUses > role.secretIdNumUses)) {
    throw new CofferError('invalid-request', "num_uses cannot be higher than the role's secret_id_num_uses");
  }
  if (role.secretIdTtl > 0 && (ttl === 0 || ttl > role.secretIdTtl)) {
    throw new CofferError('invalid-request', "ttl cannot be longer than the role's secret_id_ttl");
  }
  return {
    ttl,
    numUses,
    boundCidrs: parseSubset(fields.cidr_list, 'cidr_list', role.secretIdBoundCidrs),
    tokenBoundCidrs: parseSubset(fields.token_bound_cidrs, 'token_bound_cidrs', role.token.boundCidrs),
    metadata: parseMetadata(fields.metadata),
  };
}

/** Networks within those of the role; none for the role's own. In Vault's words (its verifyCIDRRoleSecretIDSubset). */
function parseSubset(given: readonly string[], field: string, ofRole: readonly string[]): string[] {
  const cidrs = parseCidrs(given, field);
  if (cidrs.length === 0 || cidrsWithin(cidrs, ofRole)) return cidrs;
  throw new CofferError(
    'invalid-request',
    `field "${field}": failed to verify subset relationship between CIDR blocks on the role ${JSON.stringify(ofRole)} ` +
      `and CIDR blocks on the secret ID ${JSON.stringify(cidrs)}`,
  );
}

function parseMetadata(text: string): Readonly<Record<string, string>> {
  if (text === '') return {};
  let parsed: unknown;
  try {
    parsed = parseBoundedJson(text);
  } catch (error) {
    if (error instanceof CofferError) throw new CofferError(error.code, `field "metadata": ${error.message}`);
    parsed = undefined;
  }
  if (isStringMap(parsed)) return parsed;
  throw new CofferError('invalid-request', 'field "metadata" must be the text of a JSON object of strings');
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
      synopsis: 'Shows a secret id: its limits and metadata.',
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
      synopsis: 'Ends a secret id.',
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
      synopsis: 'Shows the secret id of an accessor, without the secret id.',
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
      synopsis: 'Ends the secret id of an accessor.',
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
