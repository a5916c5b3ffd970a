import type { EngineFactory } from '@coffer/framework';
import type { IdentityServices } from './identity-services.ts';
import { entityPaths } from './path-entity.ts';
import { entityAliasPaths } from './path-entity-alias.ts';
import { groupPaths } from './path-group.ts';
import { groupAliasPaths } from './path-group-alias.ts';
import { lookupPaths } from './path-lookup.ts';

/** The engine at `identity/`: who there is, whatever they log in with (hashicorp/vault:vault/identity_store.go). */
export function createIdentityEngine(services: IdentityServices): EngineFactory {
  return () => ({
    help: 'The identity store keeps who there is: entities, the aliases by which auth methods know them, and groups, whose policies their members have.',
    paths: [
      ...entityPaths(services),
      ...entityAliasPaths(services),
      ...groupPaths(services),
      ...groupAliasPaths(services),
      ...lookupPaths(services),
    ],
    close: () => Promise.resolve(),
  });
}
