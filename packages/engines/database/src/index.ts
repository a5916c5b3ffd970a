import type { EngineFactory, Lease } from '@coffer/framework';
import { Connections } from './connections.ts';
import { finishOrRotate } from './due-rotation.ts';
import { configPaths } from './path-config.ts';
import { credsPaths } from './path-creds.ts';
import { reloadPaths } from './path-reload.ts';
import { resetPaths } from './path-reset.ts';
import { rolesPaths } from './path-roles.ts';
import { rotateRolePaths } from './path-rotate-role.ts';
import { rotateRootPaths } from './path-rotate-root.ts';
import { staticCredsPaths } from './path-static-creds.ts';
import { staticRolesPaths } from './path-static-roles.ts';
import type { DatabasePlugins } from './plugins.ts';
import { connectionsOf } from './reopening.ts';
import { createRotationWorker } from './rotation-worker.ts';
import { revokeUsers } from './revoke-users.ts';
import { renewUser, revokeUser } from './user-lease.ts';
import { counted, countedTogether, credentialOf } from './watched.ts';

export { DATABASE_COOKIE } from '@coffer/database-plugin';
export { type BuiltinDatabase, createDatabasePlugins, type DatabasePlugins, probeDatabasePlugin } from './plugins.ts';

export interface DatabaseEngineOptions {
  /** Where databases come from: built in, or launched from the catalog. Shared by all mounts. */
  readonly plugins: DatabasePlugins;
  /** Makes a password by the named policy, or by the default one. */
  readonly generatePassword: (policy: string) => Promise<string>;
}

/** The database secrets engine. */
export function createDatabaseEngine(options: DatabaseEngineOptions): EngineFactory {
  return (context) => {
    const { storage, intents, metrics } = context;
    const connections = new Connections(context, options.plugins);
    const parts = { context, connections, ...options };
    const rotations = createRotationWorker((subject) => finishOrRotate(parts, subject), context);
    rotations.start();
    return {
      help: 'The database backend supports using many different databases as secret backends, including but not limited to YugabyteDB.',
      paths: [
        ...configPaths(parts),
        ...resetPaths(context, connections),
        ...reloadPaths(context, connections),
        ...rotateRootPaths(parts, rotations),
        ...rolesPaths(parts),
        ...credsPaths(parts),
        ...staticRolesPaths(parts, rotations),
        ...staticCredsPaths(storage, intents),
        ...rotateRolePaths(parts, rotations),
      ],
      renew: (lease: Lease, increment: number) =>
        counted(metrics, 'renew', credentialOf(lease), () => renewUser(parts, lease, increment)),
      revoke: (lease: Lease) =>
        counted(
          metrics,
          'revoke',
          credentialOf(lease),
          () => revokeUser(parts, lease),
          (owed) => (owed === undefined ? 'done' : 'pending'),
        ),
      revokeTogether: (leases: readonly Lease[]) =>
        countedTogether(metrics, leases, () => revokeUsers(connections, leases)),
      reload: async (plugin?: string) => {
        const names = await connectionsOf(storage, plugin);
        if (names.length > 0) connections.databases.restart(plugin);
        for (const name of names) await connections.databases.reset(name);
        return names.length > 0;
      },
      heard: (message) => {
        if (message?.kind === 'reset') connections.databases.drop((name) => name === message.name);
        // The whole engine, or what this node has missed, has no name.
        else connections.databases.restart(message?.name || undefined);
      },
      close: async () => {
        await rotations.stop();
        await connections.databases.close();
      },
    };
  };
}
