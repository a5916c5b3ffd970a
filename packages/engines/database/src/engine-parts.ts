import type { EngineContext } from '@coffer/framework';
import type { Connections } from './connections.ts';
import type { DatabasePlugins } from './plugins.ts';

/** What the paths of one mounted database engine share. */
export interface EngineParts {
  readonly context: EngineContext;
  readonly connections: Connections;
  readonly plugins: DatabasePlugins;
  /** Tells the rotation worker that something may be due sooner than it knew. */
  readonly wakeRotations: () => void;
  readonly generatePassword: (policy: string) => Promise<string>;
}
