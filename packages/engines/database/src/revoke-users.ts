import type { Lease } from '@coffer/framework';
import type { Connections } from './connections.ts';
import { type UserData, userData } from './user-lease.ts';

/**
 * Ends logins of which nothing more has to be known than their names. Resolves with the ids of the leases that are over; of the others,
 * `revokeUser` finds out what is to be done.
 */
export async function revokeUsers(connections: Connections, leases: readonly Lease[]): Promise<readonly string[]> {
  const byConnection = new Map<string, Map<string, string>>();
  for (const lease of leases) {
    const data = plainData(lease);
    if (data === undefined) continue;
    const ids = byConnection.get(data.dbName) ?? new Map<string, string>();
    byConnection.set(data.dbName, ids.set(data.username, lease.id));
  }
  const over = await Promise.all(
    [...byConnection].map(async ([dbName, ids]) => {
      const gone = await connections.use(dbName, async (database) => database.deleteUsers?.([...ids.keys()]) ?? []);
      return gone.map((username) => ids.get(username) ?? '');
    }),
  );
  return over.flat();
}

/** Undefined when more is to be done than to drop the login, or it cannot be read. */
function plainData(lease: Lease): UserData | undefined {
  if (lease.creation !== undefined || lease.lastError !== null) return undefined;
  const data = readable(lease);
  if (data === undefined || data.username === '' || data.mayLandUntil !== undefined) return undefined;
  return data.revocationStatements.length === 0 ? data : undefined;
}

function readable(lease: Lease): UserData | undefined {
  try {
    return userData(lease);
  } catch {
    return undefined;
  }
}
