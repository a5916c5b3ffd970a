import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs, errorText } from '@coffer/base';
import type { Session } from '@coffer/yb-connection';
import type { Access } from './access.ts';
import { askEveryNode, BACKEND_POLLS, endBackends, isSilent, type NodeAnswer } from './every-node.ts';
import { applicationPrefix } from './session-profile.ts';

/** A backend that has not ended by then is waited for by whoever asks again. */
const PATIENCE_MS = 3_000;

/**
 * Ends the sessions that a dead process has left on any node. True when every node has said that there are none: a dead process
 * opens no others, so nothing it sent can take effect any more. False when that is not certain: a session is still there, or a
 * node of the cluster could not be asked though something may be running there.
 */
export async function endSessionsOfDead(access: Access, processId: string): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  const prefix = applicationPrefix(processId);
  const end = (session: Session): Promise<number> =>
    endBackends(session, 'pg_catalog.starts_with(application_name, $1)', prefix);
  try {
    const wanted = await access.pool.use((session) => nodesToAsk(access, session));
    if (wanted === undefined) return false;
    for (let polls = 1; ; polls++) {
      const answers = await askEveryNode(access, end, 0);
      if (!isComplete(answers, wanted)) return false;
      if (answers.every(({ answer = 0 }) => answer === 0)) return true;
      if (Date.now() >= deadline) return false;
      await sleep(backoffMs(BACKEND_POLLS, polls));
    }
  } catch (error) {
    access.logger.warn(`failed to end the sessions of a killed process: ${errorText(error)}`);
    return false;
  }
}

/**
 * The keys of all nodes, none where the one server is all there is; undefined where nobody can say. Asked for here, since what
 * the cluster was last known to be is not enough.
 */
async function nodesToAsk({ settings, cluster }: Access, session: Session): Promise<readonly string[] | undefined> {
  const nodes = await cluster.nodesNow(session);
  if (nodes !== undefined) return nodes.length > 1 ? nodes.map((node) => node.key) : [];
  return session.isYugabyte || settings.hosts.length > 1 ? undefined : [];
}

function isComplete(answers: readonly NodeAnswer<number>[], wanted: readonly string[]): boolean {
  return !answers.some(isSilent) && wanted.every((key) => answers.some(({ node }) => node === key));
}
