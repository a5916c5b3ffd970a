import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '@coffer/base';
import { type Backend, Failure, type Session, WRONG_PASSWORD } from '@coffer/yb-connection';
import type { Access } from './access.ts';
import { askEveryNode, BACKEND_POLLS, endBackends, isSilent } from './every-node.ts';

/**
 * Waits until the server process of a lost connection is gone, so that its last statement can no longer land. Waits no
 * longer than statement_timeout: after that the server itself has given up on the statement.
 */
export async function awaitBackendGone(access: Access, backend: Backend | undefined): Promise<void> {
  if (backend === undefined) return;
  const deadline = Date.now() + (access.settings.statementTimeoutSeconds || 30) * 1000;
  const left = (): number => Math.max(0, deadline - Date.now());
  let asking = access;
  for (let polls = 1; ; polls++) {
    const count = await countBackends(asking, backend);
    if (count === 0) return;
    if (count === 'refused' && asking.successor !== undefined) {
      asking = asking.successor;
      continue;
    }
    if (left() === 0) break;
    // A refused password is not tried again: login profiles lock a user out after a number of failures.
    await sleep(count === 'refused' ? left() : Math.min(backoffMs(BACKEND_POLLS, polls), left()));
    if (count === 'refused') break;
  }
  access.logger.warn('the server process of a lost connection may still be running', {
    application: backend.applicationName,
  });
}

/** How many processes the backend still has; undefined if we could not find out, `refused` if we cannot log in. */
async function countBackends(
  access: Access,
  { applicationName, node }: Backend,
): Promise<number | 'refused' | undefined> {
  const count = (session: Session): Promise<number> => endBackends(session, 'application_name = $1', applicationName);
  try {
    if (node !== undefined && access.cluster.knows(node)) return await access.pool.use(count, { node });
    const all = await askEveryNode(access, count, 0);
    const answers = node === undefined ? all : all.filter((entry) => entry.node === node);
    return answers.some(isSilent) || answers.length === 0
      ? undefined
      : answers.reduce((sum, { answer = 0 }) => sum + answer, 0);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.sqlstate === WRONG_PASSWORD) return 'refused';
    return error.nobodyThere ? 0 : undefined;
  }
}
