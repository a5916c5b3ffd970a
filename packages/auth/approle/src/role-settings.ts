import { CofferError, type JsonObject } from '@coffer/base';
import {
  changeTokenParameters,
  checkCidrs,
  checkTokenLimits,
  checkNames,
  definePath,
  type EngineContext,
  type FieldValues,
  OLDER_TOKEN_FIELDS,
  type Path,
  TOKEN_FIELDS,
  tokenParametersView,
} from '@coffer/framework';
import { changeRole, newRole, requireRole, type RoleEntry } from './role-entry.ts';

export const ROLE_NAME = { type: 'string', required: true, description: 'The name of the role.' } as const;
/** The settings of a role: all can be written at once, and some have a path of their own. */
export const ROLE_SETTINGS = {
  bind_secret_id: { type: 'boolean', description: 'Whether a login needs a secret ID. Default: true.' },
  secret_id_bound_cidrs: { type: 'comma-strings', description: 'Networks from which a login is allowed.' },
  secret_id_num_uses: { type: 'integer', description: 'Number of times that a secret ID may be used. 0: no limit.' },
  secret_id_ttl: { type: 'duration', description: 'TTL of a secret ID. 0: no limit.' },
  ...TOKEN_FIELDS,
} as const;
type SettingValues = FieldValues<typeof ROLE_SETTINGS>;

/** Fields that were called otherwise before, and are taken by that name too. */
const OLDER_NAMES = {
  token_policies: 'policies',
  token_period: 'period',
  secret_id_bound_cidrs: 'bound_cidr_list',
} as const;
export const OLDER_SETTINGS = {
  policies: OLDER_TOKEN_FIELDS.policies,
  period: OLDER_TOKEN_FIELDS.period,
  bound_cidr_list: { type: 'comma-strings', description: 'Older spelling of secret_id_bound_cidrs.' },
} as const;

/** The path of a single setting of a role: `url` is its last segment. */
export function roleSetting(
  { storage, ttlLimits }: Pick<EngineContext, 'storage' | 'ttlLimits'>,
  url: string,
  field: keyof SettingValues,
): Path {
  const older = Object.entries(OLDER_NAMES).find(([name]) => name === field)?.[1];
  const names = [field, ...(older === undefined ? [] : [older])];
  return definePath({
    pattern: `role/:role_name/${url}`,
    foldedNames: ['role_name'],
    fields: { role_name: ROLE_NAME, ...ROLE_SETTINGS, ...OLDER_SETTINGS },
    synopsis: `Reads, writes or resets ${field} of a role.`,
    read: async ({ fields }) => {
      const view = roleView(await requireRole(storage, fields.role_name));
      const shown = names.filter((name) => name === field || view[name] !== undefined);
      return { data: Object.fromEntries(shown.map((name) => [name, view[name] ?? null])) };
    },
    write: async ({ fields, warnings }) => {
      const role = await requireRole(storage, fields.role_name);
      const given = pick(fields, names);
      if (Object.keys(given).length === 0) throw new CofferError('invalid-request', `missing ${field}`);
      const { token } = withSettings(role, given);
      warnings.push(...checkTokenLimits(token, ttlLimits()));
      await changeRole(storage, fields.role_name, (current) => withSettings(current, given));
      return undefined;
    },
    delete: async ({ fields }) => {
      const reset = { [field]: roleView(newRole())[field] ?? [] } as RoleSettings;
      await changeRole(storage, fields.role_name, (role) => withSettings(role, reset));
      return undefined;
    },
  });
}

function pick(fields: RoleSettings, names: readonly string[]): RoleSettings {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

type RoleSettings = Partial<SettingValues & FieldValues<typeof OLDER_SETTINGS>> & {
  readonly role_id?: string | undefined;
};

/** @throws CofferError `invalid-request` naming the field */
export function withSettings(previous: RoleEntry, fields: RoleSettings): RoleEntry {
  checkNames([fields.role_id ?? ''], 'role_id');
  const numUses = fields.secret_id_num_uses ?? previous.secretIdNumUses;
  if (numUses < 0) throw new CofferError('invalid-request', 'secret_id_num_uses cannot be negative');
  const cidrs = fields.secret_id_bound_cidrs ?? fields.bound_cidr_list;
  return {
    roleId: fields.role_id || previous.roleId,
    hmacKey: previous.hmacKey,
    bindSecretId: fields.bind_secret_id ?? previous.bindSecretId,
    secretIdTtl: fields.secret_id_ttl ?? previous.secretIdTtl,
    secretIdNumUses: numUses,
    secretIdBoundCidrs: cidrs === undefined ? previous.secretIdBoundCidrs : checkCidrs(cidrs, 'secret_id_bound_cidrs'),
    token: changeTokenParameters(previous.token, fields),
  };
}

export function roleView(role: RoleEntry): JsonObject {
  return {
    bind_secret_id: role.bindSecretId,
    local_secret_ids: false,
    secret_id_bound_cidrs: role.secretIdBoundCidrs.length > 0 ? role.secretIdBoundCidrs : null,
    secret_id_num_uses: role.secretIdNumUses,
    secret_id_ttl: role.secretIdTtl,
    ...tokenParametersView(role.token),
  };
}
