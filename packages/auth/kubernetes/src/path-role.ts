import { CofferError } from '@coffer/base';
import {
  changeTokenParameters,
  checkNames,
  type EngineContext,
  type FieldValues,
  OLDER_TOKEN_FIELDS,
  type Path,
  pathsOfRoles,
  TOKEN_FIELDS,
} from '@coffer/framework';
import { ALIAS_NAME_SOURCES, NEW_ROLE, type RoleEntry, rolesOf, roleView } from './role-entry.ts';

const FIELDS = {
  bound_service_account_names: {
    type: 'comma-strings',
    description: 'Names of service accounts; * matches any text.',
  },
  bound_service_account_namespaces: { type: 'comma-strings', description: 'Their namespaces; * matches any text.' },
  bound_service_account_namespace_selector: {
    type: 'string',
    default: '',
    description: 'Not supported: name the namespaces.',
  },
  audience: { type: 'string', description: 'An audience that the token must have. Required where there is no review.' },
  alias_name_source: {
    type: 'string',
    description: 'What names the alias: "serviceaccount_uid" (default), or "serviceaccount_name".',
  },
  ...TOKEN_FIELDS,
  ...OLDER_TOKEN_FIELDS,
} as const;

/** `role` (LIST), `role/:name`. */
export function rolePaths(context: Pick<EngineContext, 'storage' | 'ttlLimits'>): Path[] {
  return pathsOfRoles(context, {
    pattern: 'role',
    roles: rolesOf(context.storage),
    fields: FIELDS,
    synopsis: {
      list: 'Lists the roles.',
      one: 'Manages a role: which service accounts may log in, and the settings of the tokens issued.',
    },
    initial: NEW_ROLE,
    change: withSettings,
    view: roleView,
  });
}

/** In the words of Vault. @throws CofferError `invalid-request` */
function withSettings(previous: RoleEntry, fields: FieldValues<typeof FIELDS>): RoleEntry {
  if (fields.bound_service_account_namespace_selector !== '') {
    throw refusal('"bound_service_account_namespace_selector" is not supported: name the namespaces');
  }
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
    token: changeTokenParameters(previous.token, fields),
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
