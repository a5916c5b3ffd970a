import type { EngineFactory } from '@coffer/framework';
import { grantRenewal } from './grant-renewal.ts';
import { accessorsPaths } from './path-accessors.ts';
import { createPaths } from './path-create.ts';
import { lookupPaths } from './path-lookup.ts';
import { renewPaths } from './path-renew.ts';
import { revokePaths } from './path-revoke.ts';
import { rolesPaths } from './path-roles.ts';
import type { TokenAuthOptions } from './token-auth-options.ts';

export type { TokenAuthOptions };

/** The auth method at `auth/token/`: tokens created from tokens. */
export function createTokenAuth(options: TokenAuthOptions): EngineFactory {
  return (context) => ({
    help: 'The token credential backend is always enabled and builtin to Vault. Client tokens are used to identify a client and to allow Vault to associate policies and ACLs which are enforced on every request.',
    paths: [
      ...createPaths(options, context),
      ...lookupPaths(options),
      ...accessorsPaths(options.tokens),
      ...renewPaths(options),
      ...revokePaths(options.tokens),
      ...rolesPaths(context),
    ],
    renewToken: (token, increment) => grantRenewal(context, token, increment),
    close: () => Promise.resolve(),
  });
}
