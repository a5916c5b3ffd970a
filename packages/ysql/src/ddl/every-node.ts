import { errorText } from '@coffer/base';
import { Failure } from '../connection/failure.ts';
import type { Session } from '../connection/session.ts';
import type { Access } from './access.ts';

/** One node's answer to a question that was asked on every node. */
export interface NodeAnswer<T> {
  readonly node: string;
  /** Undefined: the node could not be asked. */
  readonly answer: T | undefined;
  /** Of a node that could not be asked: no server process runs there. */
  readonly nobodyThere?: boolean;
}

/** Seconds for which a node that could not be reached is not asked again: a revocation must not wait for it each time. */
const UNREACHABLE_SECONDS = 60;

/**
 * Asks a question on every node that can be addressed, since pg_stat_activity and pg_terminate_backend know one node's
 * sessions only (yugabyte-db issues 13966, 13967). Never rejects for a node that cannot be asked. Nodes that failed within
 * `passOverSeconds` are not tried.
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
  // A lone node is the one that was just asked, whatever its address looks like from here.
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
  return [{ node: first.node ?? 'contact point', answer: first.answer }, ...answers];
}
