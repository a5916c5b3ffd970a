/** What is counted of credentials, and of the plugins that make them. */
import { CofferError, type Metrics, timed } from '@coffer/base';
import type { Database } from '@coffer/database-plugin';
import type { Lease } from '@coffer/framework';

const DONE = {
  issue: 'coffer.database.issued.total',
  renew: 'coffer.database.renewed.total',
  revoke: 'coffer.database.revoked.total',
  rotate: 'coffer.database.rotated.total',
} as const;

export interface Credential {
  readonly connection: string;
  /** Empty for a connection's own user. */
  readonly role: string;
}

/** Counts `work` as done or failed. `cameOf`: one that resolves may have failed all the same, or have left something to be done. */
export async function counted<T>(
  metrics: Metrics,
  operation: keyof typeof DONE,
  { connection, role }: Credential,
  work: () => Promise<T>,
  cameOf: (result: T) => CofferError | 'done' | 'pending' = () => 'done',
): Promise<T> {
  const labels = { connection, role };
  const failed = (error: CofferError): void =>
    metrics.count('coffer.database.failed.total', { ...labels, operation, class: error.code });
  try {
    const result = await work();
    const outcome = cameOf(result);
    if (outcome === 'done') metrics.count(DONE[operation], labels);
    else if (outcome !== 'pending') failed(outcome);
    return result;
  } catch (thrown) {
    failed(CofferError.from(thrown));
    throw thrown;
  }
}

/** Counts what was revoked together, and leaves what failed to whoever tries it alone. */
export async function countedTogether(
  metrics: Metrics,
  leases: readonly Lease[],
  work: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const over = await work();
  const ids = new Set(over);
  for (const lease of leases) if (ids.has(lease.id)) metrics.count(DONE.revoke, { ...credentialOf(lease) });
  return over;
}

/** Whose login a lease is of. */
export function credentialOf({ data }: Pick<Lease, 'data'>): Credential {
  const text = (name: string): string => {
    const value = data[name];
    return typeof value === 'string' ? value : '';
  };
  return { connection: text('dbName'), role: text('role') };
}

type Timed = 'Initialize' | 'NewUser' | 'UpdateUser' | 'DeleteUser' | 'Close';

/** Times what a plugin does (hashicorp/vault:sdk/database/dbplugin/v5/middleware.go databaseMetricsMiddleware). */
export function watchedDatabase(database: Database, metrics: Metrics): Database {
  const watch = async <T>(name: Timed, work: () => Promise<T>): Promise<T> => {
    try {
      return await timed(metrics, `vault.database.${name}`, work);
    } catch (error) {
      metrics.count(`vault.database.${name}.error`);
      throw error;
    }
  };
  return {
    initialize: (request) => watch('Initialize', () => database.initialize(request)),
    newUser: (request) => watch('NewUser', () => database.newUser(request)),
    updateUser: (request) => watch('UpdateUser', () => database.updateUser(request)),
    deleteUser: (request) => watch('DeleteUser', () => database.deleteUser(request)),
    deleteUsers: async (usernames) => {
      const begin = performance.now();
      const gone = (await database.deleteUsers?.(usernames)) ?? [];
      const ms = performance.now() - begin;
      for (let left = gone.length; left > 0; left--) metrics.took('vault.database.DeleteUser', ms);
      return gone;
    },
    close: () => watch('Close', () => database.close()),
    type: () => database.type(),
    nameUser: async (config) => database.nameUser?.(config),
    verifyUser: async (username, password) => database.verifyUser?.(username, password),
    sessionMark: async (statements) => database.sessionMark?.(statements),
    endMarkedSessions: async (mark) => database.endMarkedSessions?.(mark),
    owedSessions: async (username) => database.owedSessions?.(username),
  };
}
