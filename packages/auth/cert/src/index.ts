import type { EngineFactory, TokenStore } from '@coffer/framework';
import { certsPaths } from './path-certs.ts';
import { configPaths } from './path-config.ts';
import { crlsPaths } from './path-crls.ts';
import { loginPaths } from './path-login.ts';
import { renewLogin } from './renew-login.ts';

/** The auth method `cert`: clients with a TLS certificate (hashicorp/vault:builtin/credential/cert). */
export function createCertAuth(tokens: TokenStore): EngineFactory {
  return (context) => ({
    help: 'The "cert" credential provider allows authentication using TLS client certificates. A client connects to Vault and uses the "login" endpoint to generate a client token.',
    paths: [
      ...loginPaths(tokens, context),
      ...certsPaths(context),
      ...crlsPaths(context.storage),
      ...configPaths(context.storage),
    ],
    renewToken: (token, increment, request) => renewLogin(context, token, increment, request),
    close: () => Promise.resolve(),
  });
}
