import type { CoreServices, EngineFactory } from '@coffer/core';
import { createPaths } from './path-create.ts';
import { lookupPaths } from './path-lookup.ts';
import { grantRenewal, renewPaths } from './path-renew.ts';
import { revokePaths } from './path-revoke.ts';
import { rolesPaths } from './path-roles.ts';

/** The auth method at `auth/token/`: tokens made from tokens. */
export function createTokenAuth(services: CoreServices): EngineFactory {
  return (context) => ({
    help: 'The token credential backend is always enabled and builtin to Vault. Client tokens are used to identify a client and to allow Vault to associate policies and ACLs which are enforced on every request.',
    paths: [
      ...createPaths(services, context),
      ...lookupPaths(services),
      ...renewPaths(services),
      ...revokePaths(services),
      ...rolesPaths(context.storage),
    ],
    renewToken: (token, increment) => grantRenewal(context, token, increment),
    close: () => Promise.resolve(),
  });
}
