import { createHash } from 'node:crypto';
import { CofferError, Secret } from '@coffer/base';
import {
  audiencesOf,
  checkClaims,
  type Claims,
  type Discovery,
  fetchJson,
  headerOf,
  type Provider,
} from '@coffer/jwt-keys';
import type { JwtConfig } from './config-entry.ts';
import type { BegunLogin } from './oidc-state.ts';
import type { RoleEntry } from './role-entry.ts';

/** Where to send the browser of somebody who wants to log in (OpenID Connect Core 1.0, section 3.1.2.1). */
export function authorizationUrl(
  provider: Provider,
  config: JwtConfig,
  role: RoleEntry,
  { state, login }: { readonly state: string; readonly login: BegunLogin },
): string {
  const url = new URL(provider.authorizationEndpoint);
  const parameters = {
    client_id: config.clientId,
    code_challenge: createHash('sha256').update(login.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(role.maxAge > 0 && { max_age: String(role.maxAge) }),
    nonce: login.nonce,
    redirect_uri: login.redirectUri,
    response_type: 'code',
    scope: [...new Set(['openid', ...role.scopes])].join(' '),
    state,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

export interface ProviderTokens {
  readonly idToken: string;
  readonly accessToken: Secret;
}

/** Errors of RFC 6749, section 5.2: others are not repeated. */
const TOKEN_ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
];

/** @throws CofferError `invalid-request` when the provider refuses the code, `failed` when it cannot be asked */
export async function redeemCode(
  provider: Provider,
  config: JwtConfig,
  login: BegunLogin,
  code: string,
): Promise<ProviderTokens> {
  const basic = provider.tokenAuthMethods.includes('client_secret_basic');
  const credentials = { client_id: config.clientId, client_secret: config.clientSecret };
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: login.redirectUri,
    code_verifier: login.verifier,
    ...(basic ? {} : credentials),
  });
  const answer = await fetchJson(provider.tokenEndpoint, {
    ca: config.discoveryCa,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      ...(basic && { Authorization: basicCredentials(config) }),
    },
    body: body.toString(),
    accept: [200, 400, 401],
  });
  const { error, id_token: idToken, access_token: accessToken } = answer;
  if (error !== undefined) {
    const known = TOKEN_ERRORS.find((each) => each === error) ?? 'the provider refused the code';
    throw refusal(`Error exchanging oidc code: ${JSON.stringify(known)}.`);
  }
  if (typeof idToken !== 'string') throw refusal('Error exchanging oidc code: "id_token is missing".');
  return { idToken, accessToken: new Secret(typeof accessToken === 'string' ? accessToken : '') };
}

/** Each half is encoded as a form's value is (RFC 6749, section 2.3.1). */
function basicCredentials({ clientId, clientSecret }: JwtConfig): string {
  const [id, secret] = [clientId, clientSecret].map((text) => new URLSearchParams({ '': text }).toString().slice(1));
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}

/**
 * The claims of an ID token that was issued to us, for this login (OpenID Connect Core 1.0, section 3.1.3.7).
 * @throws CofferError `invalid-request` when it was not, `failed` when the keys of the provider cannot be had
 */
export async function verifiedIdToken(
  discovery: Discovery,
  config: JwtConfig,
  role: RoleEntry,
  login: BegunLogin,
  { idToken, accessToken }: ProviderTokens,
): Promise<Claims> {
  const algorithms = config.supportedAlgorithms.length > 0 ? config.supportedAlgorithms : ['RS256'];
  const claims = await discovery.keys.verify(idToken, algorithms);
  const { issuer } = await discovery.provider();
  checkClaims(claims, { issuer, audiences: [config.clientId] });
  if (role.boundAudiences.length > 0) checkClaims(claims, { audiences: role.boundAudiences });
  if (config.boundIssuer !== '') checkClaims(claims, { issuer: config.boundIssuer });
  if (typeof claims['exp'] !== 'number') throw refusal('no expiration time (exp) claim in token');
  if (typeof claims['sub'] !== 'string' || claims['sub'] === '') throw refusal('no subject (sub) claim in token');
  if (claims['nonce'] !== login.nonce) throw refusal('invalid ID token nonce.');
  const party = claims['azp'] ?? (audiencesOf(claims).length > 1 ? undefined : config.clientId);
  if (party !== config.clientId) throw refusal('the token was issued for another authorized party (azp)');
  checkAccessToken(claims, idToken, accessToken);
  checkAge(claims, role.maxAge);
  return claims;
}

/** Section 3.1.3.8: the half of a hash of the access token, where the ID token has it. */
function checkAccessToken(claims: Claims, idToken: string, accessToken: Secret): void {
  const expected = claims['at_hash'];
  if (expected === undefined || accessToken.reveal() === '') return;
  const algorithm = headerOf(idToken)['alg'];
  const bits = ['256', '384'].find((size) => typeof algorithm === 'string' && algorithm.endsWith(size)) ?? '512';
  const digest = createHash(`sha${bits}`).update(accessToken.reveal()).digest();
  const half = digest.subarray(0, digest.length / 2).toString('base64url');
  if (half !== expected) throw refusal('the access token does not match the ID token (at_hash)');
}

/** Seconds that clocks may differ. */
const CLOCK_SKEW = 60;

function checkAge(claims: Claims, maxAge: number): void {
  if (maxAge === 0) return;
  const at = claims['auth_time'];
  if (typeof at === 'number' && at + maxAge + CLOCK_SKEW >= Date.now() / 1000) return;
  throw refusal('the login at the provider (auth_time) is older than max_age allows');
}

/** What a token says of itself stays what it is. */
const OF_THE_TOKEN = ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'azp', 'nonce', 'auth_time', 'at_hash'];

/**
 * The claims with those of the userinfo endpoint, where the provider has one.
 * @throws CofferError `failed` when it cannot be asked or speaks of somebody else
 */
export async function withUserinfo(
  provider: Provider,
  config: JwtConfig,
  claims: Claims,
  accessToken: Secret,
): Promise<Claims> {
  if (provider.userinfoEndpoint === '' || accessToken.reveal() === '') return claims;
  const headers = { Authorization: `Bearer ${accessToken.reveal()}` };
  const found = await fetchJson(provider.userinfoEndpoint, { ca: config.discoveryCa, headers });
  if (found['sub'] !== claims['sub']) throw new CofferError('failed', 'the userinfo endpoint returned another user');
  const own = Object.entries(claims).filter(([name]) => OF_THE_TOKEN.includes(name));
  return { ...claims, ...found, ...Object.fromEntries(own) };
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
