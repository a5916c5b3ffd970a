import type { Cubbyholes, EngineFactory } from '@coffer/framework';
import { anyPaths } from './path-any.ts';

/** The engine at `cubbyhole/`: what each token keeps for itself (hashicorp/vault:vault/logical_cubbyhole.go). */
export function createCubbyholeEngine(cubbyholes: Cubbyholes): EngineFactory {
  return () => ({
    help: 'The cubbyhole backend reads and writes arbitrary secrets. Tokens can only read and write their own values, with no sharing possible. When the token is revoked, the entire set of stored values for that token is also removed.',
    paths: anyPaths(cubbyholes),
    close: () => Promise.resolve(),
  });
}
