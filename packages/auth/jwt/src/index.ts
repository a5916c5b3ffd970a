import type { EngineFactory, TokenStore } from '@coffer/framework';
import { Issuers } from './issuers.ts';
import { OidcStates } from './oidc-state.ts';
import { configPaths } from './path-config.ts';
import { loginPaths } from './path-login.ts';
import { oidcPaths } from './path-oidc.ts';
import { rolePaths } from './path-role.ts';
import { renewLogin } from './renew-login.ts';

/**
 * The auth methods `jwt` and `oidc`, which are one: programs with a JWT of an issuer, and people with a browser
 * (hashicorp/vault-plugin-auth-jwt).
 */
export function createJwtAuth(tokens: TokenStore): EngineFactory {
  return (context) => {
    const issuers = new Issuers();
    const states = new OidcStates(context.storage);
    return {
      help: 'The JWT backend plugin allows authentication using JWTs (including OIDC).',
      paths: [
        ...loginPaths(tokens, context, issuers),
        ...rolePaths(context),
        ...configPaths(context.storage),
        ...oidcPaths(tokens, context, issuers, states),
      ],
      renewToken: (token, increment) => renewLogin(context, token, increment),
      close: () => Promise.resolve(),
    };
  };
}
