import type { Secret } from '@coffer/base';
import { Failure, WRONG_PASSWORD } from '@coffer/yb-connection';
import { retry } from '../ddl/retry.ts';
import type { Access } from '../ddl/access.ts';
import { sparingOthers } from '../ddl/non-breaking-ddl.ts';
import { sendSteps, type Step } from '../ddl/steps.ts';
import {
  type LateEffect,
  noProgress,
  runStatement,
  runTransaction,
  untilLanded,
  useForDdl,
} from '../ddl/transaction.ts';
import type { RenderedStatement } from '../sql/statement-template.ts';
import { closeAccess, createUserAccess } from './user-access.ts';
import { verifyUser } from './verify-user.ts';

export const DEFAULT_EXPIRATION_STATEMENT = `ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`;
export const DEFAULT_PASSWORD_STATEMENT = `ALTER ROLE "{{username}}" WITH PASSWORD '{{password}}'`;

/**
 * Runs all statements of a change, and all of them again after a failure that calls for it. Resolves with what the server warned
 * of. `late`: what to do when the node fell silent over them.
 */
export async function changeUser(
  access: Access,
  statements: readonly RenderedStatement[],
  late: LateEffect,
): Promise<readonly string[]> {
  const [only] = statements;
  return await retry('changing a user', access, async () => {
    const progress = noProgress();
    if (statements.length === 1 && only !== undefined) {
      await runStatement(access, only.kind === 'alter-role' ? 'shared' : 'exclusive', only, progress, late);
    } else {
      await runTransaction(access, 'exclusive', statements, progress, undefined, late);
    }
    return progress.warnings;
  });
}

/**
 * Changes the password of the user we log in as. From the moment the change takes effect, the old password opens no connection.
 * So if an answer is lost, we try the new one: if it logs in, the change took effect.
 */
export async function changeOwnPassword(
  access: Access,
  newPassword: Secret,
  statements: readonly RenderedStatement[],
): Promise<readonly string[]> {
  const { settings, logger } = access;
  const successor = createUserAccess({ ...settings, password: newPassword }, logger, access.metrics);
  try {
    return await changeUser({ ...access, successor }, statements, 'tell');
  } catch (error) {
    if (!(error instanceof Failure) || error.sqlstate !== WRONG_PASSWORD) throw error;
    if ((await verifyUser(access, settings.username, newPassword)) !== 'accepted') throw error;
    return [];
  } finally {
    await closeAccess(successor);
  }
}

/**
 * Changes the expiration with our default statement. On YugabyteDB an ALTER ROLE breaks the running transactions of every
 * session unless told not to. That is safe to do here: VALID UNTIL is checked at login, and never afterwards.
 */
export async function changeExpiration(access: Access, statement: RenderedStatement): Promise<void> {
  const change: Step = { sql: statement.sql, what: 'failed to execute query' };
  await retry('changing an expiration', access, () =>
    untilLanded(
      access,
      () =>
        useForDdl(access, 'shared', (session) =>
          sparingOthers(session, (spare) => sendSteps(session, [...spare, change])),
        ),
      'harmless',
    ),
  );
}
