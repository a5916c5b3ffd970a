import { CofferError, isCofferError } from '@coffer/base';
import {
  checkLoginAddress,
  definePath,
  type EngineContext,
  foldName,
  issueLoginToken,
  loggedLogin,
  loggedName,
  type Path,
  type PathRequest,
  type PathResponse,
  type TokenStore,
} from '@coffer/framework';
import type { Claims, Discovery } from '@coffer/jwt-keys';
import { CONFIG_NAME, configOf, type JwtConfig } from './config-entry.ts';
import type { Issuers } from './issuers.ts';
import { userOfClaims } from './login-of-claims.ts';
import { authorizationUrl, redeemCode, verifiedIdToken, withUserinfo } from './oidc-provider.ts';
import type { BegunLogin, OidcStates } from './oidc-state.ts';
import { redirectAllowed } from './redirect-uri.ts';
import { type RoleEntry, rolesOf } from './role-entry.ts';

const AUTH_URL_FIELDS = {
  role: { type: 'string', default: '', description: 'The role; the default role of the configuration when empty.' },
  redirect_uri: { type: 'string', default: '', description: 'Where the provider sends the browser afterwards.' },
  client_nonce: {
    type: 'string',
    default: '',
    description: 'A value that the same client sends again with the callback.',
  },
} as const;
const CALLBACK_FIELDS = {
  state: { type: 'string', default: '', description: 'As the provider has sent it.' },
  code: { type: 'string', default: '', description: 'As the provider has sent it.' },
  client_nonce: { type: 'string', default: '', description: 'The nonce of the client that started the login.' },
  error: { type: 'string', default: '', description: 'As the provider has sent it.' },
  error_description: { type: 'string', default: '', description: 'As the provider has sent it.' },
  error_uri: { type: 'string', default: '', description: 'As the provider has sent it.' },
} as const;

/** RFC 6749, section 4.1.2.1. */
const PROVIDER_ERRORS = [
  'invalid_request',
  'unauthorized_client',
  'access_denied',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
];
const MAX_NONCE_LENGTH = 512;

/** `oidc/auth_url`, `oidc/callback`: the login of somebody with a browser, before and after they have been at the provider. */
export function oidcPaths(tokens: TokenStore, context: EngineContext, issuers: Issuers, states: OidcStates): Path[] {
  return [
    definePath({
      pattern: 'oidc/auth_url',
      fields: AUTH_URL_FIELDS,
      unauthenticated: true,
      synopsis: 'Starts a login: returns where to send the browser, or an empty URL if the role does not allow it.',
      write: async (request) => {
        const { fields } = request;
        try {
          const begin = () => authUrl(context, issuers, states, fields);
          return { data: { auth_url: await loggedLogin(context, request, fields.role, begin) } };
        } catch (thrown) {
          // As in Vault only the log says why.
          if (isCofferError(thrown, 'permission-denied')) return { data: { auth_url: '' } };
          throw thrown;
        }
      },
    }),
    definePath({
      pattern: 'oidc/callback',
      fields: CALLBACK_FIELDS,
      otherFields: 'accept',
      unauthenticated: true,
      synopsis: 'Finishes a login with what the provider sent.',
      read: (request) => loggedLogin(context, request, '', () => callback(tokens, context, issuers, states, request)),
    }),
  ];
}

/** @throws CofferError `invalid-request`; `permission-denied` for what only the log may say */
async function authUrl(
  { storage }: EngineContext,
  issuers: Issuers,
  states: OidcStates,
  fields: PathRequest<typeof AUTH_URL_FIELDS>['fields'],
): Promise<string> {
  const config = await configOf(storage).get(CONFIG_NAME);
  if (config === undefined) throw refusal('could not load configuration');
  const { discovery } = issuers.of(config);
  if (config.clientSecret === '' || discovery === undefined) {
    throw refusal('OIDC login is not configured for this mount');
  }
  const name = foldName(fields.role) || config.defaultRole;
  if (name === '') throw refusal('missing role');
  const role = await rolesOf(storage).get(name);
  if (role === undefined) throw refusal(`role ${JSON.stringify(name)} could not be found`);
  const { redirect_uri: redirectUri, client_nonce: clientNonce } = fields;
  if (redirectUri === '') throw refusal('missing redirect_uri');
  if (clientNonce.length > MAX_NONCE_LENGTH) throw refusal('client_nonce is too long');
  if (!redirectAllowed(redirectUri, role.redirectUris)) {
    throw new CofferError('permission-denied', `unauthorized redirect_uri ${loggedName(redirectUri)}`);
  }
  try {
    const provider = await discovery.provider();
    return authorizationUrl(provider, config, role, await states.begin(name, redirectUri, clientNonce));
  } catch (thrown) {
    if (!isCofferError(thrown, 'failed')) throw thrown;
    throw new CofferError('permission-denied', 'error getting provider for login operation', { cause: thrown });
  }
}

async function callback(
  tokens: TokenStore,
  context: EngineContext,
  issuers: Issuers,
  states: OidcStates,
  { fields, mountPath, remoteAddress }: PathRequest<typeof CALLBACK_FIELDS>,
): Promise<PathResponse> {
  const config = await configOf(context.storage).read(CONFIG_NAME);
  if (config === undefined) throw failed('Could not load configuration.');
  const login = await states.find(fields.state);
  if (login === undefined) throw failed('Expired or missing OAuth state.');
  const role = await rolesOf(context.storage).read(login.role);
  if (role === undefined) throw failed('Role could not be found');
  if (fields.error !== '') throw providerError(fields);
  if (!(await states.isFrom(login, fields.client_nonce))) throw refusal('invalid client_nonce');
  checkLoginAddress(role.value.token, remoteAddress);
  const { discovery } = issuers.of(config.value);
  if (discovery === undefined || config.value.clientSecret === '') {
    throw refusal('OIDC login is not configured for this mount');
  }
  if (fields.code === '') throw failed('No code or id_token received.');
  const claims = await claimsOfCode(context, discovery, config.value, role.value, { login, code: fields.code });
  const alias = await explained(() => userOfClaims(claims, login.role, role.value));
  if (!(await states.spend(login))) throw failed('Expired or missing OAuth state.');
  return issueLoginToken(tokens, context, {
    displayName: alias.name,
    metadata: alias.metadata,
    alias,
    parameters: role.value.token,
    path: `${mountPath}oidc/callback`,
    remoteAddress,
    proof: [role.unchanged, config.unchanged],
  });
}

async function claimsOfCode(
  { logger }: EngineContext,
  discovery: Discovery,
  config: JwtConfig,
  role: RoleEntry,
  { login, code }: { readonly login: BegunLogin; readonly code: string },
): Promise<Claims> {
  try {
    const provider = await discovery.provider();
    const given = await explained(() => redeemCode(provider, config, login, code));
    const claims = await explained(
      () => verifiedIdToken(discovery, config, role, login, given),
      'Token verification failed.',
    );
    if (role.boundSubject !== '' && role.boundSubject !== claims['sub']) {
      throw failed('sub claim does not match bound subject');
    }
    try {
      return await withUserinfo(provider, config, claims, given.accessToken);
    } catch (thrown) {
      // As in Vault the token's own claims have to do then.
      logger.warn('error reading /userinfo endpoint', { reason: CofferError.from(thrown).message });
      return claims;
    }
  } catch (thrown) {
    if (!isCofferError(thrown, 'failed')) throw thrown;
    throw failed('Failed to reach the provider.', thrown);
  }
}

function providerError(fields: PathRequest<typeof CALLBACK_FIELDS>['fields']): CofferError {
  const error = fields.error.trim().toLowerCase();
  const told = new CofferError('invalid-request', `${loggedName(error)}: ${loggedName(fields.error_description)}`);
  if (PROVIDER_ERRORS.includes(error)) return failed(error, told);
  return failed('An unknown error occurred during OIDC authentication. Check server logs for details', told);
}

/** Prefixes are what user interfaces look for (hashicorp/vault-plugin-auth-jwt:path_oidc.go). */
async function explained<T>(step: () => T | Promise<T>, prefix = LOGIN_FAILED): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    const { code, message } = CofferError.from(thrown);
    throw code === 'invalid-request' ? refusal(`${prefix} ${message}`) : thrown;
  }
}

const LOGIN_FAILED = 'Vault login failed.';

function failed(message: string, cause?: unknown): CofferError {
  return refusal(`${LOGIN_FAILED} ${message}`, cause);
}

function refusal(message: string, cause?: unknown): CofferError {
  return new CofferError('invalid-request', message, { cause });
}
