import { CofferError, type JsonObject } from '@coffer/base';
import {
  changeTokenParameters,
  checkNames,
  definePath,
  type EntryStorage,
  type FieldValues,
  parseCidrs,
  type Path,
  TOKEN_FIELDS,
  tokenParametersView,
} from '@coffer/framework';
import { changeRole, newRole, requireRole, type RoleEntry } from './role-entry.ts';

export const ROLE_NAME = { type: 'string', required: true, description: 'The name of the role.' } as const;
/** The settings of a role: all can be written at once, and some have a path of their own. */
export const ROLE_SETTINGS = {
  bind_secret_id: { type: 'boolean', description: 'Whether a login needs a secret id; true when new.' },
  secret_id_bound_cidrs: { type: 'comma-strings', description: 'Networks from which a login is allowed.' },
  secret_id_num_uses: { type: 'integer', description: 'How many times a secret id may be used; 0 for no limit.' },
  secret_id_ttl: { type: 'duration', description: 'How long a secret id is valid; 0 for no limit.' },
  ...TOKEN_FIELDS,
} as const;
type SettingValues = FieldValues<typeof ROLE_SETTINGS>;

/** The path of a single setting of a role: `url` is its last segment. */
export function roleSetting(storage: EntryStorage, url: string, field: keyof SettingValues): Path {
  return definePath({
    pattern: `role/:role_name/${url}`,
    foldedNames: ['role_name'],
    fields: { role_name: ROLE_NAME, ...ROLE_SETTINGS },
    synopsis: `Reads, writes or resets ${field} of a role.`,
    read: async ({ fields }) => {
      const view = roleView(await requireRole(storage, fields.role_name));
      return { data: { [field]: view[field] ?? null } };
    },
    write: async ({ fields }) => {
      await requireRole(storage, fields.role_name);
      if (fields[field] === undefined) throw new CofferError('invalid-request', `missing ${field}`);
      await changeRole(storage, fields.role_name, (role) => withSettings(role, onlyField(fields, field)));
      return undefined;
    },
    delete: async ({ fields }) => {
      const reset = { ...onlyField({}, field), [field]: roleView(newRole())[field] ?? [] } as SettingValues;
      await changeRole(storage, fields.role_name, (role) => withSettings(role, reset));
      return undefined;
    },
  });
}

function onlyField(fields: Partial<SettingValues>, field: keyof SettingValues): SettingValues {
  const empty = Object.fromEntries(Object.keys(ROLE_SETTINGS).map((name) => [name, undefined]));
  return { ...empty, [field]: fields[field] } as SettingValues;
}

/** @throws CofferError `invalid-request` naming the field */
export function withSettings(
  previous: RoleEntry,
  fields: SettingValues & {
    readonly role_id?: string | undefined;
    readonly policies?: readonly string[] | undefined;
    readonly period?: number | undefined;
  },
): RoleEntry {
  checkNames([fields.role_id ?? ''], 'role_id');
  const numUses = fields.secret_id_num_uses ?? previous.secretIdNumUses;
  if (numUses < 0) throw new CofferError('invalid-request', 'secret_id_num_uses cannot be negative');
  const cidrs = fields.secret_id_bound_cidrs;
  return {
    roleId: fields.role_id || previous.roleId,
    hmacKey: previous.hmacKey,
    bindSecretId: fields.bind_secret_id ?? previous.bindSecretId,
    secretIdTtl: fields.secret_id_ttl ?? previous.secretIdTtl,
    secretIdNumUses: numUses,
    secretIdBoundCidrs: cidrs === undefined ? previous.secretIdBoundCidrs : parseCidrs(cidrs, 'secret_id_bound_cidrs'),
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
