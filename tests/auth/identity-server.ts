/** A server with the auth method approle, in which role ids are names: it knows people without the work of a password. */
import type { JsonObject } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './api.ts';

export interface IdentityServer {
  readonly api: Api;
  /** Of approle. */
  readonly accessor: string;
  close(): Promise<void>;
  accessorOf(method: string): Promise<string>;
  /** Somebody who can log in. `settings`: of the role. */
  user(name: string, settings?: JsonObject): Promise<void>;
  login(name: string): Promise<LoggedIn>;
  /** Whether a token's policies let it read a path, at which there need be nothing. */
  allowed(token: string, path: string): Promise<boolean>;
  policy(name: string, text: string): Promise<unknown>;
}

export interface LoggedIn {
  readonly token: string;
  readonly entity: string;
  readonly auth: JsonObject;
}

export async function startIdentityServer(): Promise<IdentityServer> {
  const server = await startAuthServer();
  const { api } = server;
  await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
  const accessorOf = async (method: string): Promise<string> => {
    const listed = (await api.ok('GET', 'sys/auth')).data[`${method}/`] as JsonObject;
    return textOf(listed['accessor']);
  };
  return {
    close: () => server.close(),
    ...{ api, accessorOf, accessor: await accessorOf('approle') },
    async user(name, settings = {}) {
      const role = { bind_secret_id: false, token_bound_cidrs: '127.0.0.0/8', ...settings };
      await api.ok('PUT', `auth/approle/role/${name}`, role);
      await api.ok('PUT', `auth/approle/role/${name}/role-id`, { role_id: name });
    },
    async login(name) {
      const { auth } = await api.ok('PUT', 'auth/approle/login', { role_id: name }, { token: '' });
      return { token: textOf(auth['client_token']), entity: textOf(auth['entity_id']), auth };
    },
    allowed: async (token, path) => (await api('GET', path, undefined, { token })).status !== 403,
    policy: (name, text) => api.ok('PUT', `sys/policies/acl/${name}`, { policy: text }),
  };
}

export const reads = (path: string): string => `path "${path}" { capabilities = ["read"] }`;
