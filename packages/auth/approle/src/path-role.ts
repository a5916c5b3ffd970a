import { CofferError } from '@coffer/base';
import {
  checkNames,
  checkTokenLimits,
  definePath,
  type EngineContext,
  type EntryStorage,
  type Path,
} from '@coffer/framework';
import { changeRole, createRole, deleteRole, newRole, readRole, requireRole } from './role-entry.ts';
import { OLDER_SETTINGS, ROLE_NAME, ROLE_SETTINGS, roleSetting, roleView, withSettings } from './role-settings.ts';
import type { SecretIds } from './secret-ids.ts';

const ROLE_ID = {
  type: 'string',
  description: 'The id that a login needs, together with a secret id. Generated when absent.',
} as const;

const FIELDS = {
  role_name: ROLE_NAME,
  role_id: ROLE_ID,
  ...ROLE_SETTINGS,
  ...OLDER_SETTINGS,
  local_secret_ids: { type: 'boolean', default: false, description: 'Not supported: there is no replication.' },
} as const;

/** Settings with a URL of their own, which reads, writes or resets them: name in the URL, and the field. */
const SETTINGS_IN_URL = [
  ['policies', 'token_policies'],
  ['bound-cidr-list', 'secret_id_bound_cidrs'],
  ['token-bound-cidrs', 'token_bound_cidrs'],
  ['bind-secret-id', 'bind_secret_id'],
  ['period', 'token_period'],
  ['token-num-uses', 'token_num_uses'],
  ['token-ttl', 'token_ttl'],
  ['token-max-ttl', 'token_max_ttl'],
] as const;

/** `role` (LIST), `role/:role_name`, `role/:role_name/role-id`, and one path for each setting that has its own. */
export function rolePaths(context: EngineContext, secretIds: SecretIds): Path[] {
  const { storage } = context;
  return [
    listRoles(storage),
    oneRole(context, secretIds),
    roleId(storage),
    ...SETTINGS_IN_URL.map(([url, field]) => roleSetting(context, url, field)),
  ];
}

function listRoles(storage: EntryStorage): Path {
  return definePath({
    pattern: 'role',
    fields: {},
    synopsis: 'Lists the roles.',
    list: async ({ page }) => ({ data: { keys: await storage.list('role/', page) } }),
  });
}

function oneRole({ storage, ttlLimits }: EngineContext, secretIds: SecretIds): Path {
  return definePath({
    pattern: 'role/:role_name',
    foldedNames: ['role_name'],
    fields: FIELDS,
    synopsis: 'Manages a role: what a login needs, and the settings of its tokens.',
    exists: async ({ role_name: name = '' }) => (await readRole(storage, name)) !== undefined,
    read: async ({ fields }) => {
      const role = await readRole(storage, fields.role_name);
      return role && { data: roleView(role) };
    },
    write: async ({ fields, warnings }) => {
      if (fields.local_secret_ids) {
        throw new CofferError('invalid-request', 'field "local_secret_ids": there is no replication; remove it');
      }
      const { role_name: name } = fields;
      const previous = await readRole(storage, name);
      const next = withSettings(previous ?? newRole(), fields);
      warnings.push(...checkTokenLimits(next.token, ttlLimits()));
      if (previous === undefined) await createRole(storage, name, next);
      else await changeRole(storage, name, (role) => withSettings(role, fields));
      return undefined;
    },
    delete: async ({ fields }) => {
      const { role_name: name } = fields;
      // The role first: from then on nobody can log in, whatever is still left.
      if (!(await deleteRole(storage, name))) return undefined;
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
    synopsis: "Reads or changes a role's ID.",
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
