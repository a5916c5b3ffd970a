import type { EngineContext } from '@coffer/framework';
import type { Connections } from './connections.ts';
import type { DatabasePlugins } from './plugins.ts';

/** What the paths of one mounted database engine share. */
export interface EngineParts {
  readonly context: EngineContext;
  readonly connections: Connections;
  readonly plugins: DatabasePlugins;
  /** Makes a password by the named policy, or by the default one. */
  readonly generatePassword: (policy: string) => Promise<string>;
}
