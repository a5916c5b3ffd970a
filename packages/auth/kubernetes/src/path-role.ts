import { CofferError } from '@coffer/base';
import {
  changeTokenParameters,
  checkNames,
  definePath,
  type EntryStorage,
  type FieldValues,
  type Path,
  TOKEN_FIELDS,
} from '@coffer/framework';
import { ALIAS_NAME_SOURCES, NEW_ROLE, type RoleEntry, rolesOf, roleView } from './role-entry.ts';

const FIELDS = {
  name: { type: 'string', required: true, description: 'The name of the role.' },
  bound_service_account_names: {
    type: 'comma-strings',
    description: 'Names of service accounts, with * for any text.',
  },
  bound_service_account_namespaces: { type: 'comma-strings', description: 'Their namespaces, with * for any text.' },
  bound_service_account_namespace_selector: {
    type: 'string',
    default: '',
    description: 'Not supported: name the namespaces.',
  },
  audience: { type: 'string', description: 'An audience that the token must have. Needed where there is no review.' },
  alias_name_source: {
    type: 'string',
    description: 'What the alias is called: "serviceaccount_uid", which is the default, or "serviceaccount_name".',
  },
  ...TOKEN_FIELDS,
  policies: { type: 'comma-strings', description: 'Older spelling of token_policies.' },
  ttl: { type: 'duration', description: 'Older spelling of token_ttl.' },
  max_ttl: { type: 'duration', description: 'Older spelling of token_max_ttl.' },
  period: { type: 'duration', description: 'Older spelling of token_period.' },
  num_uses: { type: 'integer', description: 'Older spelling of token_num_uses.' },
  bound_cidrs: { type: 'comma-strings', description: 'Older spelling of token_bound_cidrs.' },
} as const;

/** `role` (LIST), `role/:name`. */
export function rolePaths(storage: EntryStorage): Path[] {
  const roles = rolesOf(storage);
  return [
    definePath({
      pattern: 'role',
      fields: {},
      synopsis: 'Lists the roles.',
      list: async ({ page }) => ({ data: { keys: await storage.list('role/', page) } }),
    }),
    definePath({
      pattern: 'role/:name',
      foldedNames: ['name'],
      fields: FIELDS,
      synopsis: 'Manages a role: which service accounts log in, and the settings of the tokens they get.',
      exists: async ({ name = '' }) => (await roles.get(name)) !== undefined,
      read: async ({ fields }) => {
        const role = await roles.get(fields.name);
        return role && { data: roleView(role) };
      },
      write: async ({ fields }) => {
        if (fields.bound_service_account_namespace_selector !== '') {
          throw refusal('"bound_service_account_namespace_selector" is not supported: name the namespaces');
        }
        const { name } = fields;
        // Two who make it at once: the second one changes what the first has made.
        const known = (await roles.get(name)) !== undefined;
        if (!known && (await roles.add(name, withSettings(NEW_ROLE, fields)))) return undefined;
        const changed = await roles.update(name, (role) => withSettings(role, fields));
        if (changed === undefined)
          throw new CofferError('not-found', `role ${JSON.stringify(name)} was deleted meanwhile`);
        return undefined;
      },
      delete: async ({ fields }) => {
        await roles.delete(fields.name);
        return undefined;
      },
    }),
  ];
}

/** In the words of Vault. @throws CofferError `invalid-request` */
function withSettings(previous: RoleEntry, fields: FieldValues<typeof FIELDS>): RoleEntry {
  const aliasNameSource = fields.alias_name_source || previous.aliasNameSource;
  const source = ALIAS_NAME_SOURCES.find((each) => each === aliasNameSource);
  if (source === undefined) throw refusal(`invalid alias_name_source ${JSON.stringify(aliasNameSource.slice(0, 40))}`);
  const names = bound(fields, 'bound_service_account_names') ?? previous.names;
  if (names.length === 0) throw refusal('"bound_service_account_names" can not be empty');
  const namespaces = bound(fields, 'bound_service_account_namespaces') ?? previous.namespaces;
  if (namespaces.length === 0) {
    throw refusal(
      '"bound_service_account_namespaces" can not be empty if "bound_service_account_namespace_selector" is not set',
    );
  }
  return {
    names,
    namespaces,
    audience: fields.audience ?? previous.audience,
    aliasNameSource: source,
    token: changeTokenParameters(previous.token, {
      ...fields,
      token_policies: fields.token_policies ?? fields.policies,
      token_ttl: fields.token_ttl ?? fields.ttl,
      token_max_ttl: fields.token_max_ttl ?? fields.max_ttl,
      token_period: fields.token_period ?? fields.period,
      token_num_uses: fields.token_num_uses ?? fields.num_uses,
      token_bound_cidrs: fields.token_bound_cidrs ?? fields.bound_cidrs,
    }),
  };
}

function bound(
  fields: FieldValues<typeof FIELDS>,
  name: 'bound_service_account_names' | 'bound_service_account_namespaces',
): readonly string[] | undefined {
  const given = fields[name];
  if (given === undefined) return undefined;
  if (given.length > 1 && given.includes('*')) throw refusal('can not mix "*" with values');
  return checkNames(given, name);
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
