import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '@coffer/base';
import { type Cluster, Failure, type Request, type Session } from '@coffer/yb-connection';
import { retry } from '../ddl/retry.ts';
import type { Access } from '../ddl/access.ts';
import { askEveryNode, CONTACT_POINT } from '../ddl/every-node.ts';
import { quoteList } from '../sql/render.ts';

/** How long a session may take to end before it is reported. */
const END_MS = 3_000;
const POLL_MS = 20;

/** The query that ends the sessions of roles on one node. It returns one row per session, with the `oid` of its role. */
export function terminateSessions(oids: readonly string[]): Request {
  return {
    // By oid, because the sessions of a dropped role no longer have a name.
    // The function behind pg_stat_activity, at a third of the view's cost.
    sql: `SELECT usesysid::pg_catalog.text AS oid, pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_get_activity(NULL)
          WHERE usesysid IN (${quoteList(oids)}) AND pid <> pg_catalog.pg_backend_pid()`,
  };
}

/**
 * Ends the sessions of roles on every node and waits until they are gone. Never rejects: sessions that are still there, and nodes
 * that could not be asked, become a warning with a count, since no lease must depend on a node that is down. Those nodes are
 * asked again in the background, and so are nodes that have recently left the cluster's list.
 */
export async function endRoleSessions(access: Access, oids: readonly string[]): Promise<void> {
  const oid = oids.join(', ');
  try {
    const answers = await retry('ending sessions', access, () =>
      askEveryNode(access, (session) => endHere(session, oids)),
    );
    const unreachable = answers.filter((entry) => entry.answer === undefined);
    const left = answers.flatMap((entry) => entry.answer ?? []);
    if (left.length > 0) {
      access.logger.warn('sessions of a revoked user have not ended yet', { sessions: left.length, oid });
      for (const { node, answer = [] } of answers) access.owed.owe([node], answer);
    }
    if (unreachable.length > 0) {
      access.logger.warn('failed to reach all nodes to end the sessions of a revoked user', {
        nodes: unreachable.length,
        oid,
      });
      for (const { node, nobodyThere } of unreachable) {
        // A node without an address could be asked for ever.
        if (access.cluster.isAddressable(node)) access.owed.owe([node], oids, { nobodyThere });
      }
    }
    // Most likely gone for good and not worth waiting for; but one that is only cut off still serves its sessions.
    const missing = access.cluster.missing().filter((node) => access.cluster.isAddressable(node));
    access.owed.owe(missing, oids);
  } catch (error) {
    const hint =
      error instanceof Failure && error.sqlstate === '42501' ? '; grant pg_signal_backend to the admin user' : '';
    access.logger.warn(`failed to end the sessions of a revoked user: ${errorText(error)}${hint}`, { oid });
  }
}

/**
 * Tells the sessions of roles on one node to end, and returns how many there were. Uses a connection of its own: a node that does
 * not answer must not tie up one that a caller is waiting for.
 *
 * @throws Failure, CofferError as `connect` does
 */
export async function endOnNode(
  cluster: Cluster,
  node: string,
  oids: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const session = await cluster.open(node === CONTACT_POINT ? {} : { node });
  const stop = (): void => session.destroy();
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) return 0;
    return (await session.query(terminateSessions(oids).sql)).rows.length;
  } finally {
    signal.removeEventListener('abort', stop);
    await session.close();
  }
}

/** Returns whose sessions are still there when we stop waiting: an oid for each. */
async function endHere(session: Session, oids: readonly string[]): Promise<readonly string[]> {
  const deadline = Date.now() + END_MS;
  for (;;) {
    const { rows } = await session.query(terminateSessions(oids).sql);
    if (rows.length === 0 || Date.now() >= deadline) return rows.map((row) => String(row['oid']));
    await sleep(POLL_MS);
  }
}
