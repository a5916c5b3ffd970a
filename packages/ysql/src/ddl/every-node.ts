import { errorText } from '@coffer/base';
import { Failure } from '../connection/failure.ts';
import type { Session } from '../connection/session.ts';
import type { Access } from './access.ts';

/** One node's answer to a question that was put to every node. */
export interface NodeAnswer<T> {
  readonly node: string;
  /** Undefined if the node could not be asked. */
  readonly answer: T | undefined;
  /** True if it could not be asked because no server process runs there. */
  readonly nobodyThere?: boolean;
}

/** Stands for the node of a connection where nobody knows which one that is. */
export const CONTACT_POINT = 'contact point';

/** Seconds for which we leave an unreachable node alone: not every revocation should have to wait for it. */
const UNREACHABLE_SECONDS = 60;

/**
 * Puts a question to every node that can be addressed by itself, since pg_stat_activity and pg_terminate_backend only know the
 * sessions of their own node (yugabyte-db issues 13966, 13967). A node that cannot be asked is no reason to reject. Nodes that
 * failed within the last `passOverSeconds` are not tried.
 */
export async function askEveryNode<T>(
  access: Access,
  ask: (session: Session) => Promise<T>,
  passOverSeconds = UNREACHABLE_SECONDS,
): Promise<readonly NodeAnswer<T>[]> {
  const first = await access.pool.use(async (session) => {
    const nodes = await access.cluster.nodes(session);
    return { nodes, node: session.node, answer: await ask(session) };
  });
  // If there is only one node, it is the one just asked, whatever its address looks like from here.
  const others = first.nodes.length <= 1 ? [] : first.nodes.filter((node) => node.key !== first.node);
  const answers = await Promise.all(
    others.map(async ({ key }): Promise<NodeAnswer<T>> => {
      if (access.cluster.failedWithin(key, passOverSeconds)) return { node: key, answer: undefined };
      try {
        return { node: key, answer: await access.pool.use(ask, { node: key }) };
      } catch (error) {
        access.logger.debug('a node could not be asked about its sessions', { node: key, error: errorText(error) });
        return { node: key, answer: undefined, nobodyThere: error instanceof Failure && error.nobodyThere };
      }
    }),
  );
  return [{ node: first.node ?? CONTACT_POINT, answer: first.answer }, ...answers];
}
