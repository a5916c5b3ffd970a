import type { CoreServices, EngineFactory } from '@coffer/core';
import { createPaths } from './path-create.ts';
import { lookupPaths } from './path-lookup.ts';
import { renewPaths } from './path-renew.ts';
import { revokePaths } from './path-revoke.ts';

/** The auth method at `auth/token/`: tokens made from tokens. */
export function createTokenAuth(services: CoreServices): EngineFactory {
  return ({ ttlLimits }) => ({
    help: 'The token credential backend is always enabled and builtin to Vault. Client tokens are used to identify a client and to allow Vault to associate policies and ACLs which are enforced on every request.',
    paths: [
      ...createPaths(services, ttlLimits),
      ...lookupPaths(services),
      ...renewPaths(services, ttlLimits),
      ...revokePaths(services),
    ],
    close: () => Promise.resolve(),
  });
}
