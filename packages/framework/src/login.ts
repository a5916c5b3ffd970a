import { isIP } from 'node:net';
import { CofferError, type JsonObject } from '@coffer/base';
import { cidrsAllow, commonCidrs, parseCidrs } from './cidr.ts';
import type { Condition } from './condition.ts';
import type { EngineContext } from './engine.ts';
import type { Entries } from './entry-storage.ts';
import type { OutgoingResponse } from './logical.ts';
import type { LoginAlias } from './login-alias.ts';
import type { Mount } from './mount.ts';
import { DEFAULT_POLICY, ROOT_POLICY, type TokenEntry } from './token-entry.ts';
import { foldPolicies, type TokenParameters } from './token-parameters.ts';
import type { TokenStore } from './token-store.ts';
import { grantTtl, type TtlAnswer } from './ttl.ts';

/** Someone who has proven to an auth method who they are. */
export interface Login {
  /** Shows in user names and lookups after the mount's name: `userpass-ana`. Empty for the mount's name alone. */
  readonly displayName: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly parameters: TokenParameters;
  /** The request's path: `auth/userpass/login/ana`. */
  readonly path: string;
  readonly remoteAddress: string;
  /** What has proven it: the user or role as it was read, the secret id. It must still hold when the token is made. */
  readonly proof: readonly Condition[];
  /** Networks of the credential itself, which bind in addition to those of the parameters. */
  readonly boundCidrs?: readonly string[];
  /** Whom the method knows the caller as: finds the entity. Default: nobody. */
  readonly alias?: LoginAlias;
}

/**
 * Makes the token of a login: an orphan, bounded by the parameters, the mount and the system.
 * @throws CofferError `permission-denied` when the method was disabled or the user or role changed during the login, and when
 *   no address could use the token; `invalid-request` for a root token: whoever may change users or roles must not become root
 *   by it. No token is left in either case
 */
export async function issueLoginToken(
  tokens: TokenStore,
  context: EngineContext,
  login: Login,
): Promise<OutgoingResponse> {
  const { parameters } = login;
  const policies = loginPolicies(parameters);
  // In Vault's words (hashicorp/vault:vault/request_handling.go LoginCreateToken).
  if (policies.includes(ROOT_POLICY))
    throw new CofferError('invalid-request', 'auth methods cannot create root tokens');
  const boundCidrs = loginCidrs(login);
  const now = Date.now();
  const { ttl, warnings } = grantTtl({
    increment: parameters.period,
    limits: limitsOf(parameters, context),
    issueTime: now,
    now,
  });
  const mount = context.mount();
  const source = mount.path.replace(/^auth\//, '').replaceAll('/', '-');
  const type = tokenTypeOf(parameters, mount);
  const isBatch = type === 'batch';
  const { token, entry, identityPolicies, entityCreated } = await tokens.create({
    type,
    ...(isBatch && { issuer: mount.accessor }),
    ...(login.alias && { alias: { ...login.alias, mountAccessor: mount.accessor } }),
    parent: '',
    displayName: `${source}${login.displayName}`.replace(/-$/, ''),
    policies,
    path: login.path,
    meta: login.metadata,
    creationTime: now,
    creationTtl: ttl,
    expireTime: now + ttl * 1000,
    explicitMaxTtl: isBatch ? 0 : parameters.explicitMaxTtl,
    period: isBatch ? 0 : parameters.period,
    numUses: isBatch ? 0 : parameters.numUses,
    renewable: !isBatch,
    ...(boundCidrs.length > 0 && { boundCidrs }),
    provided: [...login.proof, ...context.stands],
    otherwise: 'the role or user was changed or deleted during the login: log in again',
  });
  if (!context.active()) {
    // Disabling revokes the tokens that exist; this one may have come after it looked.
    await tokens.revoke(entry.id);
    throw new CofferError('permission-denied', 'the auth method was disabled during the login');
  }
  return {
    data: null,
    auth: authView({ entry, token: token.reveal(), leaseSeconds: ttl, identityPolicies }),
    displayName: entry.displayName,
    ...(entityCreated && { entityCreated }),
    warnings,
  };
}

/** What the mount insists on, or else what the user or role asks for (hashicorp/vault:vault/router.go routeCommon). */
function tokenTypeOf({ type }: TokenParameters, { config }: Mount): TokenEntry['type'] {
  const { token_type: tuned = 'default-service' } = config;
  if (tuned === 'service' || tuned === 'batch') return tuned;
  const asked = type.replace(/^default-/, '');
  if (asked === 'service' || asked === 'batch') return asked;
  return tuned === 'default-batch' ? 'batch' : 'service';
}

/** The TTL that the token of a login gets when it is renewed, by the parameters as they are now. For {@link Engine.renewToken}. */
export function grantLoginRenewal(
  entry: TokenEntry,
  parameters: TokenParameters,
  context: EngineContext,
  increment: number,
): TtlAnswer {
  const now = Date.now();
  const endless = parameters.period > 0 && entry.explicitMaxTtl === 0;
  return grantTtl({
    increment: parameters.period || increment,
    limits: limitsOf({ ...parameters, explicitMaxTtl: entry.explicitMaxTtl }, context),
    // The system's maximum does not bound a periodic token; its explicit maximum does.
    issueTime: endless ? now : entry.creationTime,
    now,
  });
}

/** For {@link Engine.renewToken}, of logins whose metadata name their role: by that as it is now, and not once it is gone. */
export async function renewByRole(
  context: EngineContext,
  roles: Pick<Entries<{ readonly token: TokenParameters }>, 'get'>,
  token: TokenEntry,
  increment: number,
): Promise<TtlAnswer> {
  const name = token.meta?.['role'] ?? '';
  const role = await roles.get(name);
  if (role === undefined) throw new CofferError('invalid-request', `role ${name} does not exist during renewal`);
  return grantLoginRenewal(token, role.token, context, increment);
}

function limitsOf(parameters: TokenParameters, context: EngineContext) {
  const { ttl: defaultTtl, maxTtl, explicitMaxTtl, period } = parameters;
  return [
    { defaultTtl, maxTtl: period > 0 ? 0 : maxTtl },
    { defaultTtl: 0, maxTtl: explicitMaxTtl },
    ...context.ttlLimits(),
  ];
}

/** In lower case and sorted, with `default` unless that is left out. */
export function loginPolicies({ policies, noDefaultPolicy }: TokenParameters): string[] {
  return foldPolicies(noDefaultPolicy ? policies : [...policies, DEFAULT_POLICY]);
}

/** @throws CofferError `permission-denied` for a login from where its token could not be used */
export function checkLoginAddress({ boundCidrs }: TokenParameters, remoteAddress: string): void {
  if (!cidrsAllow(boundCidrs, remoteAddress)) throw elsewhere();
}

function elsewhere(): CofferError {
  return new CofferError('permission-denied', 'login request originated from invalid CIDR');
}

/**
 * The networks that the token of a login is bound to; empty for none.
 * @throws CofferError `permission-denied` when no address is left
 */
export function loginCidrs({
  parameters,
  boundCidrs = [],
  remoteAddress,
}: Pick<Login, 'parameters' | 'boundCidrs' | 'remoteAddress'>): readonly string[] {
  // Without the zone of a link-local address (`fe80::1%eth0`).
  const [address = ''] = remoteAddress.split('%', 1);
  const own = parameters.strictlyBindIp && isIP(address) !== 0 ? parseCidrs([address], 'remote address') : [];
  const byCredential = commonCidrs(parameters.boundCidrs, boundCidrs);
  const bound = byCredential && commonCidrs(byCredential, own);
  if (bound !== undefined) return bound;
  throw elsewhere();
}

export interface AuthOfToken {
  readonly entry: TokenEntry;
  /** Empty where only the accessor is known. */
  readonly token: string;
  readonly leaseSeconds: number;
  /** What its entity adds to its own. */
  readonly identityPolicies: readonly string[];
}

/** The `auth` part of a response. */
export function authView({ entry, token, leaseSeconds, identityPolicies }: AuthOfToken): JsonObject {
  return {
    client_token: token,
    accessor: entry.accessor,
    policies: [...new Set([...entry.policies, ...identityPolicies])].sort(),
    token_policies: entry.policies,
    ...(identityPolicies.length > 0 && { identity_policies: identityPolicies }),
    metadata: entry.meta,
    lease_duration: leaseSeconds,
    renewable: entry.renewable,
    entity_id: entry.entityId ?? '',
    token_type: entry.type,
    orphan: entry.parent === '',
    mfa_requirement: null,
    num_uses: entry.numUses,
  };
}
