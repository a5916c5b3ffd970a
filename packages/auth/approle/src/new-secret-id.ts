import { CofferError, isStringMap, parseBoundedJson } from '@coffer/base';
import {
  canonicalCidrs,
  checkCidrs,
  cidrsWithin,
  type EntryStorage,
  type FieldValues,
  type PathResponse,
} from '@coffer/framework';
import { requireRole, type RoleEntry } from './role-entry.ts';
import { ROLE_NAME } from './role-settings.ts';
import type { NewSecretId, SecretIds } from './secret-ids.ts';

export const SECRET_ID = { type: 'string', required: true, description: 'The secret ID.' } as const;
export const NEW_SECRET_ID_FIELDS = {
  role_name: ROLE_NAME,
  metadata: { type: 'string', default: '', description: 'A JSON object of strings, shown with the tokens.' },
  cidr_list: { type: 'comma-strings', default: [], description: 'Networks from which a login with it is allowed.' },
  token_bound_cidrs: { type: 'comma-strings', default: [], description: 'Networks from which its tokens may be used.' },
  num_uses: {
    type: 'integer',
    description: "Number of times that the secret ID may be used. Default: the role's secret_id_num_uses.",
  },
  ttl: { type: 'duration', description: "TTL of the secret ID. Default: the role's secret_id_ttl." },
} as const;

/** @throws CofferError `invalid-request` for what the role does not allow, `not-found` when there is no such role */
export async function createSecretId(
  storage: EntryStorage,
  secretIds: SecretIds,
  fields: FieldValues<typeof NEW_SECRET_ID_FIELDS>,
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

function newSecretId(role: RoleEntry, fields: FieldValues<typeof NEW_SECRET_ID_FIELDS>): NewSecretId {
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

/** Networks within those of the role; none stands for the role's own. Vault's wording (its verifyCIDRRoleSecretIDSubset). */
function parseSubset(given: readonly string[], field: string, ofRole: readonly string[]): string[] {
  const cidrs = checkCidrs(given, field);
  if (cidrs.length === 0 || cidrsWithin(canonicalCidrs(cidrs), canonicalCidrs(ofRole))) return cidrs;
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
  throw new CofferError('invalid-request', 'field "metadata" must be a JSON object of strings, given as a string');
}
