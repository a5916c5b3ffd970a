import { CofferError } from '@coffer/base';
import {
  checkNames,
  checkPolicies,
  definePath,
  type EngineContext,
  type FieldValues,
  foldName,
  MAX_NAMES,
  parseCidrs,
  shownCidrs,
  type Path,
} from '@coffer/framework';
import {
  NEW_TOKEN_ROLE,
  readTokenRole,
  ROLE_TOKEN_TYPES,
  type RoleTokenType,
  type TokenRole,
  tokenRolesOf,
} from './role-entry.ts';

const FIELDS = {
  name: { type: 'string', required: true, description: "The role's name." },
  allowed_policies: {
    type: 'comma-strings',
    policies: true,
    description:
      'Policies that its tokens may have, whatever policies the creating token has. A token gets all of them if it asks for none.',
  },
  disallowed_policies: { type: 'comma-strings', description: 'Policies that its tokens may not have.' },
  allowed_policies_glob: { type: 'comma-strings', description: 'Like allowed_policies; * matches any text.' },
  disallowed_policies_glob: { type: 'comma-strings', description: 'Like disallowed_policies; * matches any text.' },
  orphan: { type: 'boolean', description: 'Its tokens have no parent.' },
  renewable: { type: 'boolean', description: 'Whether its tokens can be renewed; true when new.' },
  path_suffix: { type: 'string', description: 'Appended to the path that a lookup of its tokens shows.' },
  token_explicit_max_ttl: { type: 'duration', description: 'A maximum that no renewal can exceed.' },
  token_period: { type: 'duration', description: 'Makes periodic tokens.' },
  token_num_uses: { type: 'integer', description: 'How many times its tokens may be used; 0 for no limit.' },
  token_no_default_policy: { type: 'boolean', description: 'Leaves the default policy out.' },
  token_bound_cidrs: { type: 'comma-strings', description: 'Networks from which its tokens may be used.' },
  token_type: {
    type: 'string',
    description:
      '"service" or "batch", or "default-service" or "default-batch" unless the caller asks for another type.',
  },
  explicit_max_ttl: { type: 'duration', description: 'Older spelling of token_explicit_max_ttl.' },
  period: { type: 'duration', description: 'Older spelling of token_period.' },
  bound_cidrs: { type: 'comma-strings', description: 'Older spelling of token_bound_cidrs.' },
  allowed_entity_aliases: {
    type: 'comma-strings',
    description: 'Aliases whose entities its tokens may be created for; * matches any text.',
  },
} as const;
type Fields = FieldValues<typeof FIELDS>;
type PolicyField = Extract<keyof Fields, `${string}allowed_policies${string}`>;

/** `auth/token/roles` (LIST), `auth/token/roles/:name`. */
export function rolesPaths({ storage }: EngineContext): Path[] {
  return [
    definePath({
      pattern: 'roles',
      fields: {},
      synopsis: 'Lists the token roles.',
      list: async ({ page }) => ({ data: { keys: await storage.list('roles/', page) } }),
    }),
    definePath({
      pattern: 'roles/:name',
      fields: FIELDS,
      synopsis: 'Manages a token role: the policies and settings of tokens created at create/NAME.',
      exists: async ({ name = '' }) => (await readTokenRole(storage, name)) !== undefined,
      read: async ({ fields }) => {
        const role = await readTokenRole(storage, fields.name);
        return role && { data: roleView(fields.name, role) };
      },
      write: async ({ fields }) => {
        const { name } = fields;
        const change = (role: TokenRole) => changeRole(role, fields);
        const roles = tokenRolesOf(storage);
        if ((await roles.get(name)) === undefined) {
          await roles.put(name, change(NEW_TOKEN_ROLE));
          return undefined;
        }
        // As it is when it is written: one that was deleted stays deleted, and what it lost meanwhile stays lost.
        const replaced = await roles.update(name, change);
        if (replaced === undefined) throw new CofferError('not-found', `role ${JSON.stringify(name)} does not exist`);
        return undefined;
      },
      delete: async ({ fields }) => {
        await tokenRolesOf(storage).delete(fields.name);
        return undefined;
      },
    }),
  ];
}

function changeRole(previous: TokenRole, fields: Fields): TokenRole {
  checkFields(fields);
  const boundCidrs = fields.token_bound_cidrs ?? fields.bound_cidrs;
  const policies = (name: PolicyField, before: readonly string[]): readonly string[] =>
    fields[name] === undefined
      ? before
      : checkPolicies(fields[name], name, name.endsWith('_glob') ? undefined : MAX_NAMES);
  const changed: TokenRole = {
    allowedPolicies: policies('allowed_policies', previous.allowedPolicies),
    disallowedPolicies: policies('disallowed_policies', previous.disallowedPolicies),
    allowedPoliciesGlob: policies('allowed_policies_glob', previous.allowedPoliciesGlob),
    disallowedPoliciesGlob: policies('disallowed_policies_glob', previous.disallowedPoliciesGlob),
    orphan: fields.orphan ?? previous.orphan,
    renewable: fields.renewable ?? previous.renewable,
    pathSuffix: fields.path_suffix ?? previous.pathSuffix,
    explicitMaxTtl: fields.token_explicit_max_ttl ?? fields.explicit_max_ttl ?? previous.explicitMaxTtl,
    period: fields.token_period ?? fields.period ?? previous.period,
    numUses: fields.token_num_uses ?? previous.numUses,
    noDefaultPolicy: fields.token_no_default_policy ?? previous.noDefaultPolicy,
    boundCidrs: boundCidrs === undefined ? previous.boundCidrs : parseCidrs(boundCidrs, 'token_bound_cidrs'),
    tokenType: fields.token_type === undefined ? previous.tokenType : roleTokenType(fields.token_type),
    allowedEntityAliases: entityAliases(fields.allowed_entity_aliases) ?? previous.allowedEntityAliases,
  };
  checkBatch(changed);
  return changed;
}

function roleTokenType(given: string): RoleTokenType {
  const type = given === '' || given === 'default' ? 'default-service' : given;
  const known = ROLE_TOKEN_TYPES.find((each) => each === type);
  if (known !== undefined) return known;
  throw new CofferError('invalid-request', `invalid 'token_type' value ${JSON.stringify(given.slice(0, 100))}`);
}

function entityAliases(given: readonly string[] | undefined): readonly string[] | undefined {
  if (given === undefined) return undefined;
  return [...new Set(checkNames(given, 'allowed_entity_aliases').map(foldName))].sort();
}

/** In Vault's words (hashicorp/vault:vault/token_store.go tokenStoreRoleCreateUpdate). */
function checkBatch({ tokenType, orphan, period, renewable, explicitMaxTtl }: TokenRole): void {
  if (tokenType !== 'batch') return;
  const refuse = (what: string): never => {
    throw new CofferError('invalid-request', `'token_type' cannot be 'batch' when role is set to generate ${what}`);
  };
  if (!orphan) refuse('non-orphan tokens');
  if (period > 0) refuse('periodic tokens');
  if (renewable) refuse('renewable tokens');
  if (explicitMaxTtl > 0) refuse('tokens with an explicit max TTL');
}

function checkFields(fields: Fields): void {
  if ((fields.token_num_uses ?? 0) < 0) throw new CofferError('invalid-request', "'token_num_uses' cannot be negative");
  if (fields.path_suffix !== undefined && !/^[\w.-]*$/.test(fields.path_suffix)) {
    throw new CofferError(
      'invalid-request',
      'field "path_suffix" must be made of letters, digits, dots, dashes and underscores',
    );
  }
}

function roleView(name: string, role: TokenRole) {
  return {
    allowed_entity_aliases: role.allowedEntityAliases,
    allowed_policies: role.allowedPolicies,
    allowed_policies_glob: role.allowedPoliciesGlob,
    disallowed_policies: role.disallowedPolicies,
    disallowed_policies_glob: role.disallowedPoliciesGlob,
    explicit_max_ttl: role.explicitMaxTtl,
    name,
    orphan: role.orphan,
    path_suffix: role.pathSuffix,
    period: role.period,
    renewable: role.renewable,
    token_bound_cidrs: shownCidrs(role.boundCidrs),
    token_explicit_max_ttl: role.explicitMaxTtl,
    token_no_default_policy: role.noDefaultPolicy,
    token_num_uses: role.numUses,
    token_period: role.period,
    token_type: role.tokenType,
  };
}
