/** Logins at a mount of the auth method jwt, and what makes them possible. */
import assert from 'node:assert/strict';
import type { JsonObject } from '@coffer/base';
import type { Answer, Api } from './api.ts';

export interface JwtLogins {
  readonly login: (jwt: string, role?: string) => Promise<Answer>;
  readonly configure: (body: JsonObject) => Promise<Answer>;
  /** A role of the type jwt, which names its users by the claim `sub` and has the policy `app`. */
  readonly role: (body: JsonObject, name?: string) => Promise<Answer>;
  readonly refusedLogin: (jwt: string, error: RegExp, role?: string, status?: number) => Promise<void>;
}

/** `api`: asked for at each call, since tests have it later than this. */
export function jwtLogins(api: () => Api): JwtLogins {
  const login = (jwt: string, role = 'app') => api()('POST', 'auth/jwt/login', { role, jwt }, { token: '' });
  return {
    login,
    configure: (body) => api().ok('POST', 'auth/jwt/config', body),
    role: (body, name = 'app') =>
      api().ok('POST', `auth/jwt/role/${name}`, {
        role_type: 'jwt',
        user_claim: 'sub',
        token_policies: 'app',
        ...body,
      }),
    refusedLogin: async (jwt, error, name = 'app', status = 400) => {
      const answer = await login(jwt, name);
      assert.equal(answer.status, status, answer.error);
      assert.match(answer.error, error);
    },
  };
}
