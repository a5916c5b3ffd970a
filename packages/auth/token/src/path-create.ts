import { CofferError, type JsonObject } from '@coffer/base';
import {
  authView,
  checkNames,
  cleanDisplayName,
  commonCidrs,
  type Condition,
  definePath,
  type EngineContext,
  type FieldValues,
  foldName,
  globMatches,
  grantTtl,
  type Mount,
  type NewToken,
  type Path,
  type PathRequest,
  type PathResponse,
  ROOT_POLICY,
  type TokenEntry,
  validToken,
} from '@coffer/framework';
import { policiesOf } from './policies.ts';
import { findTokenRole, type TokenRole } from './role-entry.ts';
import type { TokenAuthOptions } from './token-auth-options.ts';

const FIELDS = {
  id: {
    type: 'string',
    default: '',
    description: 'The value of the token. Only a root token may set it. Default: generated.',
  },
  policies: { type: 'comma-strings', description: 'Policies of the token. Default: those of the parent token.' },
  ttl: { type: 'duration', default: 0, description: 'TTL of the token. 0: the default.' },
  lease: { type: 'duration', default: 0, description: 'Older spelling of ttl.' },
  explicit_max_ttl: { type: 'duration', default: 0, description: 'A maximum that no renewal can exceed.' },
  period: { type: 'duration', default: 0, description: 'Makes the token periodic; requires sudo.' },
  num_uses: { type: 'integer', default: 0, description: 'How many times it may be used; 0 for no limit.' },
  renewable: { type: 'boolean', default: true, description: 'Whether it can be renewed.' },
  no_parent: { type: 'boolean', default: false, description: 'Makes it an orphan; requires sudo.' },
  no_default_policy: { type: 'boolean', default: false, description: 'Leaves the default policy out.' },
  display_name: { type: 'string', default: '', description: 'Shows in the names of database users: token-NAME.' },
  meta: { type: 'object', description: 'Key/value pairs shown when the token is looked up.' },
  type: { type: 'string', default: '', description: '"service" or "batch".' },
  entity_alias: {
    type: 'string',
    default: '',
    description: 'With a role that allows it: the alias of the entity that the token is for.',
  },
} as const;
const ROLE_FIELDS = {
  ...FIELDS,
  role_name: { type: 'string', required: true, description: 'The token role.' },
} as const;
type Fields = FieldValues<typeof FIELDS>;

interface Creation {
  /** Where the token says that it was issued: `auth/token/create-orphan`. */
  readonly issuedAt: string;
  readonly fields: Fields;
  readonly parent: TokenEntry;
  readonly sudo: boolean;
  readonly type: TokenEntry['type'];
  readonly orphan: boolean;
  readonly role?: TokenRole & { readonly name: string };
  readonly roleUnchanged?: Condition;
}

/** `auth/token/create`, `auth/token/create-orphan`, `auth/token/create/:role_name`. */
export function createPaths(options: TokenAuthOptions, context: EngineContext): Path[] {
  const create = async (
    request: Pick<PathRequest, 'token' | 'mountPath' | 'path'> & { readonly fields: Fields },
    rest: Pick<Creation, 'orphan' | 'role' | 'roleUnchanged'>,
  ): Promise<PathResponse> => {
    const { token: parent, fields, mountPath, path } = request;
    if (parent === undefined) throw new CofferError('permission-denied', 'permission denied');
    const fullPath = mountPath + path;
    const sudo = await options.hasSudo(parent, fullPath);
    checkValues(fields);
    const type = tokenTypeOf(fields, rest.role);
    const suffix = rest.role?.pathSuffix ? `/${rest.role.pathSuffix}` : '';
    const creation = { issuedAt: fullPath + suffix, fields, parent, sudo, type, ...rest };
    checkRights(creation);
    return issue(options, context, creation);
  };
  return [
    definePath({
      pattern: 'create',
      fields: FIELDS,
      synopsis: 'Creates a child of the calling token.',
      write: (request) => create(request, { orphan: request.fields.no_parent }),
    }),
    definePath({
      pattern: 'create-orphan',
      fields: FIELDS,
      synopsis: 'Creates an orphan: a token without a parent, which outlives the calling token.',
      write: (request) => create(request, { orphan: true }),
    }),
    definePath({
      pattern: 'create/:role_name',
      fields: ROLE_FIELDS,
      synopsis: 'Creates a token with a role, which decides which policies and settings it may have.',
      write: async (request) => {
        const name = request.fields.role_name;
        const found = await findTokenRole(context.storage, name);
        if (found === undefined) refuse(`unknown role ${name}`);
        const { role, unchanged } = found;
        return create(request, {
          orphan: role.orphan || request.fields.no_parent,
          role: { ...role, name },
          roleUnchanged: unchanged,
        });
      },
    }),
  ];
}

function refuse(message: string): never {
  throw new CofferError('invalid-request', message);
}

function checkValues(fields: Fields): void {
  if (fields.num_uses < 0) refuse('number of uses cannot be negative');
  checkNames([fields.id], 'id');
  checkNames([fields.display_name], 'display_name');
  if (/[\s/.]/.test(fields.id)) refuse('field "id": a token id has no spaces, slashes or dots');
}

/** As the role says, or else the caller (hashicorp/vault:vault/token_store.go handleCreateCommon). */
function tokenTypeOf(fields: Fields, role: TokenRole | undefined): TokenEntry['type'] {
  const { tokenType = 'default-service' } = role ?? {};
  const asked = fields.type === '' && tokenType === 'default-batch' ? 'batch' : fields.type;
  const type = tokenType === 'service' || tokenType === 'batch' ? tokenType : asked;
  if (type === '' || type === 'service') return 'service';
  if (type !== 'batch') refuse("invalid 'token_type' value; use service or batch");
  const bad = (['explicit_max_ttl', 'num_uses', 'period'] as const).find((name) => fields[name] !== 0);
  if (bad !== undefined) refuse(`batch tokens cannot have "${bad}" set`);
  return 'batch';
}

/** The alias for whose entity a token is asked for, if any is. */
function aliasOf({ fields, role }: Creation, { accessor }: Mount): NewToken['alias'] {
  const { entity_alias: name } = fields;
  if (name === '') return undefined;
  if (role === undefined) refuse("'entity_alias' is only allowed in combination with token role");
  const folded = foldName(name);
  if (!role.allowedEntityAliases.some((pattern) => globMatches(pattern, folded)))
    refuse("invalid 'entity_alias' value");
  return { name, mountAccessor: accessor };
}

/** What needs the root policy, or sudo on this path. */
function checkRights({ fields, parent, sudo, role }: Creation): void {
  if (parent.type === 'batch') refuse('batch tokens cannot create more tokens');
  if (parent.numUses > 0) refuse('restricted use token cannot generate child tokens');
  if (fields.id !== '' && !parent.policies.includes(ROOT_POLICY)) {
    refuse('root token required to specify token id');
  }
  if (fields.no_parent && role?.orphan !== true && !sudo) {
    refuse('root or sudo privileges required to create orphan token');
  }
  if (fields.period > 0 && !sudo) refuse('root or sudo privileges required to create periodic token');
}

async function issue(options: TokenAuthOptions, context: EngineContext, creation: Creation): Promise<PathResponse> {
  const { issuedAt, fields, parent, sudo, orphan, role, roleUnchanged } = creation;
  const { policies: asked, no_default_policy: noDefaultPolicy } = fields;
  const boundCidrs = boundCidrsOf(creation);
  const policies = policiesOf({ asked, noDefaultPolicy, parent, sudo, ...(role && { role }) });
  const missing = await context.policyWarnings(policies);
  const now = Date.now();
  const { ttl, warnings, endless, period, explicitMaxTtl } = grantTerms(context, creation, policies, now);
  const { token, entry, identityPolicies } = await options.tokens.create({
    ...nature(creation, policies, endless),
    ...standsFor(creation, context.mount()),
    parent: orphan ? '' : parent.id,
    // An orphan outlives the calling token, and yet that must be valid when it is created.
    provided: [...(orphan ? [validToken(parent.id)] : []), ...(roleUnchanged ? [roleUnchanged] : [])],
    ...(role && { otherwise: 'permission denied: the calling token has ended, or its role was changed or deleted' }),
    displayName: cleanDisplayName(fields.display_name === '' ? 'token' : `token-${fields.display_name}`),
    policies,
    path: issuedAt,
    meta: metaOf(fields.meta),
    creationTime: now,
    creationTtl: ttl,
    expireTime: endless ? null : now + ttl * 1000,
    explicitMaxTtl,
    period,
    ...(role && { role: role.name }),
    ...(boundCidrs.length > 0 && { boundCidrs }),
  });
  return {
    data: null,
    auth: authView({ entry, token: token.reveal(), leaseSeconds: ttl, identityPolicies }),
    displayName: entry.displayName,
    warnings: [...warnings, ...missing],
  };
}

/** What only service tokens can have. */
function nature({ type, fields, role }: Creation, policies: readonly string[], endless: boolean) {
  if (type === 'batch') {
    if (policies.includes(ROOT_POLICY)) refuse('batch tokens cannot be root tokens');
    if (fields.id !== '') refuse('batch tokens cannot have "id" set');
    return { type, renewable: false, numUses: 0 };
  }
  return {
    type,
    ...(fields.id !== '' && { token: fields.id }),
    renewable: !endless && fields.renewable && role?.renewable !== false,
    numUses: shorter(fields.num_uses, role?.numUses ?? 0),
  };
}

/** A child stands for whom its parent does, unless another one is asked for. */
function standsFor(creation: Creation, mount: Mount): Pick<NewToken, 'alias' | 'entityId'> {
  const alias = aliasOf(creation, mount);
  if (alias !== undefined) return { alias };
  const { orphan, parent } = creation;
  return orphan || parent.entityId === undefined ? {} : { entityId: parent.entityId };
}

/**
 * A token, even an orphan, is bound to the networks of the token that creates it, and to those of its role. In Vault a role or
 * an orphan escapes the former, which would let whoever stole a bound token get rid of the bounds.
 */
function boundCidrsOf({ parent, role }: Creation): readonly string[] {
  const common = commonCidrs(role?.boundCidrs ?? [], parent.boundCidrs ?? []);
  return (
    common ?? refuse("the role's token_bound_cidrs and the networks of the calling token have no address in common")
  );
}

/** How long the token is valid, by the request, the role and the mount. */
function grantTerms(
  context: EngineContext,
  { fields, parent, role: anyRole, type }: Creation,
  policies: readonly string[],
  now: number,
): { ttl: number; warnings: readonly string[]; endless: boolean; period: number; explicitMaxTtl: number } {
  // A role's period and maximum are not for batch tokens.
  const role = type === 'batch' ? undefined : anyRole;
  const increment = fields.ttl || fields.lease;
  const period = role?.period || fields.period;
  const explicitMaxTtl = shorter(fields.explicit_max_ttl, role?.explicitMaxTtl ?? 0);
  // A root token without a TTL never expires, unless its parent does.
  const unbounded = policies.includes(ROOT_POLICY) && increment + period + explicitMaxTtl === 0;
  if (unbounded && parent.expireTime === null) return { ttl: 0, warnings: [], endless: true, period, explicitMaxTtl };
  const limits = [{ defaultTtl: 0, maxTtl: explicitMaxTtl }, ...context.ttlLimits()];
  const granted = grantTtl({ increment: period || increment, limits, issueTime: now, now });
  return { ...granted, endless: false, period, explicitMaxTtl };
}

/** The smaller of two limits of which 0 means none. */
function shorter(a: number, b: number): number {
  return a > 0 && b > 0 ? Math.min(a, b) : a || b;
}

function metaOf(meta: JsonObject | undefined): Record<string, string> | null {
  if (meta === undefined) return null;
  return Object.fromEntries(
    Object.entries(meta).map(([key, value]) => {
      if (typeof value !== 'string')
        throw new CofferError('invalid-request', `field "meta": "${key}" must be a string`);
      return [key, value];
    }),
  );
}
