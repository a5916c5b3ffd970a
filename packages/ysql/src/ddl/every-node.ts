import { type Backoff, errorText } from '@coffer/base';
import { Failure, type Session } from '@coffer/yb-connection';
import type { Access } from './access.ts';

/** One node's answer to a question that was put to every node. */
export interface NodeAnswer<T> {
  readonly node: string;
  /** Undefined if the node could not be asked. */
  readonly answer: T | undefined;
  /** True if it could not be asked because no server process runs there. */
  readonly nobodyThere?: boolean;
}

/** How often a server process that was told to end is looked for. */
export const BACKEND_POLLS: Backoff = { firstMs: 20, longestMs: 320 };

/** Whether nobody knows what the node would have said. */
export function isSilent({ answer, nobodyThere }: NodeAnswer<unknown>): boolean {
  return answer === undefined && nobodyThere !== true;
}

/** Tells server processes on one node to end, by a condition on `application_name` and its `$1`; resolves with how many there were. */
export async function endBackends(session: Session, condition: string, value: string): Promise<number> {
  const { rows } = await session.query(
    `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
     WHERE ${condition} AND pid <> pg_catalog.pg_backend_pid()`,
    [value],
  );
  return rows.length;
}

/** Stands for the node of a connection where nobody knows which one that is. */
export const CONTACT_POINT = 'contact point';

/** Seconds for which we leave a silent node alone: not every revocation should have to wait for it. */
const SILENT_SECONDS = 60;
/** How often a node is asked that fails at once and does not refuse. */
const ATTEMPTS = 3;

/**
 * Puts a question to every node that can be addressed by itself, since pg_stat_activity and pg_terminate_backend only know the
 * sessions of their own node (yugabyte-db issues 13966, 13967). A node that cannot be asked is no reason to reject. Nodes that
 * fell silent within the last `passOverSeconds` are not tried.
 */
export async function askEveryNode<T>(
  access: Access,
  ask: (session: Session) => Promise<T>,
  passOverSeconds = SILENT_SECONDS,
): Promise<readonly NodeAnswer<T>[]> {
  const first = await access.pool.use(async (session) => {
    const nodes = await access.cluster.nodes(session);
    return { nodes, node: session.node, answer: await ask(session) };
  });
  // If there is only one node, it is the one just asked, whatever its address looks like from here.
  const others = first.nodes.length <= 1 ? [] : first.nodes.filter((node) => node.key !== first.node);
  const answers = await Promise.all(
    others.map(async ({ key }): Promise<NodeAnswer<T>> => {
      const { cluster } = access;
      const inVain = !cluster.isAddressable(key) || cluster.wasSilentWithin(key, passOverSeconds);
      if (inVain) return { node: key, answer: undefined };
      return await askNode(access, key, ask);
    }),
  );
  return [{ node: first.node ?? CONTACT_POINT, answer: first.answer }, ...answers];
}

async function askNode<T>(
  { pool, cluster, logger }: Access,
  node: string,
  ask: (session: Session) => Promise<T>,
): Promise<NodeAnswer<T>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return { node, answer: await pool.use(ask, { node }) };
    } catch (error) {
      logger.debug('failed to query the sessions of a node', { node, attempt, error: errorText(error) });
      const nobodyThere = error instanceof Failure && error.nobodyThere;
      const again =
        error instanceof Failure && !error.final && !nobodyThere && !cluster.wasSilentWithin(node, SILENT_SECONDS);
      if (!again || attempt === ATTEMPTS) return { node, answer: undefined, nobodyThere };
    }
  }
}
