import type { Secret } from '@coffer/base';
import { Failure, WRONG_PASSWORD } from '../connection/failure.ts';
import { retry } from '../connection/retry.ts';
import type { Access } from '../ddl/access.ts';
import { sparingOthers } from '../ddl/non-breaking-ddl.ts';
import { sendSteps, type Step } from '../ddl/steps.ts';
import { runStatement, runTransaction, settled, useForDdl } from '../ddl/transaction.ts';
import type { RenderedStatement } from '../sql/statement-template.ts';
import { createUserAccess } from './user-access.ts';
import { verifyUser } from './verify-user.ts';

export const DEFAULT_EXPIRATION_STATEMENT = `ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`;
export const DEFAULT_PASSWORD_STATEMENT = `ALTER ROLE "{{username}}" WITH PASSWORD '{{password}}'`;

/** Runs the statements of a change as a whole, again as a whole after a failure that asks for it. */
export async function changeUser(access: Access, statements: readonly RenderedStatement[]): Promise<void> {
  const [only] = statements;
  await retry('changing a user', access.logger, () =>
    statements.length === 1 && only !== undefined
      ? runStatement(access, only.kind === 'alter-role' ? 'shared' : 'exclusive', only)
      : runTransaction(access, 'exclusive', statements),
  );
}

/**
 * Changes the password of the user that we log in as. From the moment it takes effect the old one opens no connection, so
 * what came of a lost answer is found out with the new one: when that logs in, the change has taken effect.
 */
export async function changeOwnPassword(
  access: Access,
  newPassword: Secret,
  statements: readonly RenderedStatement[],
): Promise<void> {
  const { settings, logger } = access;
  const successor = createUserAccess({ ...settings, password: newPassword }, logger);
  try {
    await changeUser({ ...access, successor }, statements);
  } catch (error) {
    if (!(error instanceof Failure) || error.sqlstate !== WRONG_PASSWORD) throw error;
    if ((await verifyUser(access, settings.username, newPassword)) !== 'accepted') throw error;
  } finally {
    await successor.pool.close();
  }
}

/**
 * Runs the default change of the expiration. On YugabyteDB an ALTER ROLE breaks the running transactions of every
 * session unless it is said not to, which is safe here: VALID UNTIL is looked at when somebody logs in, and never after.
 */
export async function changeExpiration(access: Access, statement: RenderedStatement): Promise<void> {
  const change: Step = { sql: statement.sql, what: 'failed to execute query' };
  await retry('changing an expiration', access.logger, () =>
    settled(access, () =>
      useForDdl(access, 'shared', (session) =>
        sparingOthers(session, (spare) => sendSteps(session, [...spare, change])),
      ),
    ),
  );
}
