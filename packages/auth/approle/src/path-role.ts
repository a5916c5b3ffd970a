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
import { changeRole, createRole, newRole, readRole, requireRole, type RoleEntry } from './role-entry.ts';
import type { SecretIds } from './secret-ids.ts';

export const ROLE_NAME = { type: 'string', required: true, description: 'The name of the role.' } as const;
const ROLE_ID = {
  type: 'string',
  description: 'What logs in as the role, with a secret id; made when absent.',
} as const;

const SETTINGS = {
  bind_secret_id: { type: 'boolean', description: 'Whether a login needs a secret id; true when new.' },
  secret_id_bound_cidrs: { type: 'comma-strings', description: 'Networks that may log in.' },
  secret_id_num_uses: { type: 'integer', description: 'How often a secret id may be used; 0 for no limit.' },
  secret_id_ttl: { type: 'duration', description: 'How long a secret id is valid; 0 for no end.' },
  ...TOKEN_FIELDS,
} as const;
const FIELDS = {
  role_name: ROLE_NAME,
  role_id: ROLE_ID,
  ...SETTINGS,
  policies: { type: 'comma-strings', description: 'Older spelling of token_policies.' },
  period: { type: 'duration', description: 'Older spelling of token_period.' },
  bound_cidr_list: { type: 'comma-strings', description: 'Older spelling of secret_id_bound_cidrs.' },
  local_secret_ids: { type: 'boolean', default: false, description: 'Not supported: there is no replication.' },
} as const;
type Fields = FieldValues<typeof FIELDS>;

/** Paths that read, write or reset one setting: name in the URL, and the field. */
const SINGLE: readonly (readonly [string, keyof typeof SETTINGS])[] = [
  ['policies', 'token_policies'],
  ['bound-cidr-list', 'secret_id_bound_cidrs'],
  ['secret-id-bound-cidrs', 'secret_id_bound_cidrs'],
  ['token-bound-cidrs', 'token_bound_cidrs'],
  ['bind-secret-id', 'bind_secret_id'],
  ['secret-id-num-uses', 'secret_id_num_uses'],
  ['secret-id-ttl', 'secret_id_ttl'],
  ['period', 'token_period'],
  ['token-num-uses', 'token_num_uses'],
  ['token-ttl', 'token_ttl'],
  ['token-max-ttl', 'token_max_ttl'],
];

/** `role` (LIST), `role/:role_name`, `role/:role_name/role-id`, and one path for each single setting. */
export function rolePaths(storage: EntryStorage, secretIds: SecretIds): Path[] {
  return [
    listRoles(storage),
    oneRole(storage, secretIds),
    roleId(storage),
    ...SINGLE.map(([url, field]) => oneSetting(storage, url, field)),
  ];
}

function listRoles(storage: EntryStorage): Path {
  return definePath({
    pattern: 'role',
    fields: {},
    synopsis: 'Lists the roles.',
    list: async ({ page }) => {
      const keys = await storage.list('role/', page);
      if (keys.length === 0) throw new CofferError('not-found', '');
      return { data: { keys } };
    },
  });
}

function oneRole(storage: EntryStorage, secretIds: SecretIds): Path {
  return definePath({
    pattern: 'role/:role_name',
    foldedNames: ['role_name'],
    fields: FIELDS,
    synopsis: 'Manages a role: what its logins need and what their tokens are like.',
    exists: async ({ role_name: name = '' }) => (await readRole(storage, name)) !== undefined,
    read: async ({ fields }) => {
      const role = await readRole(storage, fields.role_name);
      return role && { data: roleView(role) };
    },
    write: async ({ fields }) => {
      if (fields.local_secret_ids) {
        throw new CofferError('invalid-request', 'field "local_secret_ids": there is no replication; leave it out');
      }
      const settings = {
        ...fields,
        token_policies: fields.token_policies ?? fields.policies,
        token_period: fields.token_period ?? fields.period,
        secret_id_bound_cidrs: fields.secret_id_bound_cidrs ?? fields.bound_cidr_list,
      };
      const { role_name: name } = fields;
      if ((await readRole(storage, name)) === undefined)
        await createRole(storage, name, withSettings(newRole(), settings));
      else await changeRole(storage, name, (role) => withSettings(role, settings));
      return undefined;
    },
    delete: async ({ fields }) => {
      const role = await readRole(storage, fields.role_name);
      if (role === undefined) return undefined;
      const { role_name: name } = fields;
      // The role first: from there on nobody logs in, whatever else is left.
      await storage.delete(`role/${name}`);
      await storage.delete(`role-id/${role.roleId}`);
      await secretIds.destroyAll(name);
      return undefined;
    },
  });
}

function roleId(storage: EntryStorage): Path {
  return definePath({
    pattern: 'role/:role_name/role-id',
    foldedNames: ['role_name'],
    fields: { role_name: ROLE_NAME, role_id: ROLE_ID },
    synopsis: "Reads or changes a role's id.",
    read: async ({ fields }) => ({ data: { role_id: (await requireRole(storage, fields.role_name)).roleId } }),
    write: async ({ fields }) => {
      const { role_name: name, role_id: given = '' } = fields;
      await requireRole(storage, name);
      if (given === '') throw new CofferError('invalid-request', 'missing role_id');
      checkNames([given], 'role_id');
      await changeRole(storage, name, (role) => ({ ...role, roleId: given }));
      return undefined;
    },
  });
}

function oneSetting(storage: EntryStorage, url: string, field: keyof typeof SETTINGS): Path {
  return definePath({
    pattern: `role/:role_name/${url}`,
    foldedNames: ['role_name'],
    fields: { role_name: ROLE_NAME, ...SETTINGS },
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

type SettingValues = FieldValues<typeof SETTINGS>;

function onlyField(fields: Partial<SettingValues>, field: keyof SettingValues): SettingValues {
  const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, undefined]));
  return { ...empty, [field]: fields[field] } as SettingValues;
}

function withSettings(previous: RoleEntry, fields: SettingValues & Partial<Pick<Fields, 'role_id'>>): RoleEntry {
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

function roleView(role: RoleEntry): JsonObject {
  return {
    bind_secret_id: role.bindSecretId,
    local_secret_ids: false,
    secret_id_bound_cidrs: role.secretIdBoundCidrs.length > 0 ? role.secretIdBoundCidrs : null,
    secret_id_num_uses: role.secretIdNumUses,
    secret_id_ttl: role.secretIdTtl,
    ...tokenParametersView(role.token),
  };
}
