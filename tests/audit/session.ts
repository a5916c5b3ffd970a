/** Requests whose audit lines were recorded from OpenBao, and which are sent to our server to compare its lines with. */
import { isJsonObject, type JsonObject } from '@coffer/base';

export interface SessionRequest {
  readonly method: 'GET' | 'PUT' | 'LIST' | 'DELETE';
  readonly path: string;
  readonly body?: JsonObject;
  /** `root`, `none`, one that nobody has, or one that an earlier answer has handed out under this name. Default: `root`. */
  readonly token?: string;
  readonly wrapTtl?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps the token of the answer under this name. */
  readonly keep?: string;
}

const POLICY = 'path "sys/policies/acl" { capabilities = ["list"] }';
const CREATION = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}';`;

export const SESSION: readonly SessionRequest[] = [
  { method: 'GET', path: 'sys/auth' },
  { method: 'PUT', path: 'sys/auth/userpass', body: { type: 'userpass' } },
  { method: 'PUT', path: 'sys/policies/acl/p', body: { policy: POLICY } },
  { method: 'PUT', path: 'auth/userpass/users/ana', body: { password: 'pw-ana', token_policies: ['p'] } },
  { method: 'PUT', path: 'auth/userpass/users/ana', body: { token_ttl: '1h' } },
  { method: 'PUT', path: 'auth/userpass/login/ana', body: { password: 'pw-ana' }, token: 'none' },
  { method: 'PUT', path: 'auth/userpass/login/ana', body: { password: 'wrong' }, token: 'none' },
  { method: 'GET', path: 'auth/token/lookup-self', token: 'bad' },
  { method: 'GET', path: 'auth/token/lookup-self', token: 'none' },
  { method: 'LIST', path: 'sys/policies/acl' },
  { method: 'GET', path: 'sys/policies/acl/absent' },
  {
    method: 'PUT',
    path: 'auth/token/create',
    body: { policies: ['p'], meta: { team: 'a' }, num_uses: 4, ttl: '1h', renewable: false },
    keep: 'limited',
  },
  { method: 'LIST', path: 'sys/policies/acl', token: 'limited' },
  { method: 'GET', path: 'sys/mounts', token: 'limited' },
  { method: 'GET', path: 'nothing/there', token: 'limited' },
  { method: 'GET', path: 'nothing/there' },
  { method: 'PUT', path: 'auth/token/create', body: { policies: ['p'] }, wrapTtl: '60s', keep: 'wrapping' },
  { method: 'PUT', path: 'sys/wrapping/unwrap', token: 'wrapping' },
  {
    method: 'PUT',
    path: 'sys/capabilities-self',
    body: {
      paths: ['sys/mounts'],
      n: 5,
      yes: true,
      nothing: null,
      at: '2026-01-02T03:04:05Z',
      odd: ['x', 1, { y: 'z' }],
    },
  },
  { method: 'PUT', path: 'sys/mounts/database', body: { type: 'database', config: { max_lease_ttl: '2h' } } },
  {
    method: 'PUT',
    path: 'sys/mounts/database/tune',
    body: { audit_non_hmac_request_keys: ['db_name'], audit_non_hmac_response_keys: ['db_name', 'keys'] },
  },
  {
    method: 'PUT',
    path: 'database/roles/r',
    body: { db_name: 'yb', creation_statements: [CREATION], default_ttl: '1h' },
  },
  { method: 'GET', path: 'database/roles/r' },
  { method: 'LIST', path: 'database/roles' },
  { method: 'GET', path: 'database/roles/absent' },
  { method: 'DELETE', path: 'database/roles/r' },
  { method: 'PUT', path: 'sys/config/auditing/request-headers/X-Shown', body: { hmac: false } },
  { method: 'PUT', path: 'sys/config/auditing/request-headers/X-Hashed', body: { hmac: true } },
  {
    method: 'GET',
    path: 'auth/token/lookup-self',
    headers: { 'X-Shown': 'seen', 'X-Hashed': 'hidden', 'X-Other': 'no' },
  },
  { method: 'PUT', path: 'auth/token/revoke-self', token: 'limited' },
];

/** Sends them one after the other; `after` is called when each has been answered. */
export async function playSession(
  address: string,
  root: string,
  after: (request: SessionRequest, status: number) => Promise<void>,
): Promise<void> {
  const tokens = new Map([
    ['root', root],
    ['none', ''],
    ['bad', 'hvs.nobodys'],
  ]);
  for (const request of SESSION) {
    const { method, path, body, wrapTtl, token = 'root' } = request;
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: {
        ...request.headers,
        ...(tokens.get(token) && { 'X-Vault-Token': tokens.get(token) ?? '' }),
        ...(wrapTtl && { 'X-Vault-Wrap-TTL': wrapTtl }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: unknown = text === '' ? {} : JSON.parse(text);
    if (request.keep !== undefined && isJsonObject(answer)) tokens.set(request.keep, tokenOf(answer));
    await after(request, response.status);
  }
}

function tokenOf({ auth, wrap_info: wrapped }: JsonObject): string {
  const found = isJsonObject(auth) ? auth['client_token'] : isJsonObject(wrapped) ? wrapped['token'] : undefined;
  return typeof found === 'string' ? found : '';
}
