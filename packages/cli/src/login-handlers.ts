import { CofferError, isJsonObject, Secret, type JsonObject, type JsonValue } from '@coffer/base';
import type { Client, SecretResponse } from '@coffer/client';
import type { LoginRequest } from './login-request.ts';
import { loginWithBrowser } from './oidc-login.ts';

/** Authenticates one way; throws CofferError. The client has VAULT_TOKEN for the method `token` only. */
export type LoginHandler = (client: Client, request: LoginRequest) => Promise<SecretResponse>;

/** By the type of the method, as in vault:command/commands.go, and approle and jwt as well. */
export const LOGIN_HANDLERS: ReadonlyMap<string, LoginHandler> = new Map([
  ['token', loginWithToken],
  ['userpass', loginWithPassword],
  ['ldap', loginWithPassword],
  ['radius', loginWithPassword],
  ['approle', loginWithDetails],
  ['cert', loginWithCertificate],
  ['kubernetes', loginWithJwt],
  ['jwt', loginWithJwt],
  ['oidc', loginWithBrowser],
]);

async function loginWithToken(client: Client, { details, ask }: LoginRequest): Promise<SecretResponse> {
  const token = (details.get('token') ?? (await ask('token', 'Token'))).trim();
  if (token === '') throw refusal('a token must be passed to auth, please view the help for more information');
  if (/^(0|f|F|FALSE|false|False)$/.test(details.get('lookup') ?? '')) return tokenSecret(token, {});
  let data: JsonObject | null | undefined;
  try {
    data = (await client.with({ token: new Secret(token), wrapTtl: undefined }).read('auth/token/lookup-self'))?.data;
  } catch (thrown) {
    const { code, message } = CofferError.from(thrown);
    throw new CofferError(code, `error looking up token: ${message}`, { cause: thrown });
  }
  if (data === undefined || data === null) throw refusal('empty response from lookup-self');
  return tokenSecret(token, data);
}

/** What a login would have answered for this token, made from what a lookup says about it. */
function tokenSecret(token: string, data: JsonObject): SecretResponse {
  const tokenPolicies = texts(data['policies']);
  const identityPolicies = texts(data['identity_policies']);
  const all = [...(tokenPolicies ?? []), ...(identityPolicies ?? [])];
  const { meta, ttl, renewable, accessor } = data;
  return {
    requestId: '',
    leaseId: '',
    leaseDuration: 0,
    renewable: false,
    data: null,
    warnings: null,
    auth: {
      clientToken: token,
      accessor: typeof accessor === 'string' ? accessor : '',
      policies: tokenPolicies === null && identityPolicies === null ? null : all,
      tokenPolicies,
      identityPolicies,
      metadata: isJsonObject(meta) ? meta : null,
      orphan: false,
      entityId: '',
      leaseDuration: typeof ttl === 'number' ? ttl : 0,
      renewable: renewable === true,
      mfaRequirement: null,
    },
    wrapInfo: null,
  };
}

function texts(value: JsonValue | undefined): readonly string[] | null {
  return Array.isArray(value) ? value.filter((element: unknown) => typeof element === 'string') : null;
}

async function loginWithPassword(client: Client, { details, mount, ask }: LoginRequest): Promise<SecretResponse> {
  const username = details.get('username') ?? '';
  if (username === '') throw refusal("'username' must be specified");
  const password = details.get('password') || (await ask('password', 'Password'));
  return answered(await client.write(`auth/${mount}/login/${username}`, { password }));
}

async function loginWithJwt(client: Client, request: LoginRequest): Promise<SecretResponse> {
  const { details, ask } = request;
  const jwt = details.get('jwt') || (await ask('jwt', 'JWT'));
  return loginWithDetails(client, { ...request, details: new Map([...details, ['jwt', jwt]]) });
}

/** The certificate is the connection's: -client-cert and -client-key (openbao/openbao:internal/builtin/credential/cert/cli.go). */
async function loginWithCertificate(client: Client, { details, mount }: LoginRequest): Promise<SecretResponse> {
  return answered(await client.write(`auth/${mount}/login`, { name: details.get('name') ?? '' }));
}

async function loginWithDetails(client: Client, { details, mount }: LoginRequest): Promise<SecretResponse> {
  const body = Object.fromEntries([...details].filter(([key]) => key !== 'mount'));
  return answered(await client.write(`auth/${mount}/login`, body));
}

function answered(secret: SecretResponse | undefined): SecretResponse {
  if (secret === undefined) throw refusal('empty response from credential provider');
  return secret;
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
