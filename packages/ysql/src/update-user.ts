import type { Access } from './access.ts';
import { Failure } from './failure.ts';
import { retry } from './retry.ts';
import type { Session } from './session.ts';
import { changesOneRole } from './statements.ts';
import type { RenderedStatement } from './transaction.ts';
import { runStatement, runTransaction, settled, useForDdl } from './transaction.ts';

export const DEFAULT_EXPIRATION_STATEMENT = `ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`;
export const DEFAULT_PASSWORD_STATEMENT = `ALTER ROLE "{{username}}" WITH PASSWORD '{{password}}'`;

const NON_BREAKING = 'yb_make_next_ddl_statement_nonbreaking';

/** Runs the statements of a change as a whole, again as a whole after a failure that asks for it. */
export async function changeUser(access: Access, statements: readonly RenderedStatement[]): Promise<void> {
  const [only] = statements;
  await retry('changing a user', access.logger, () =>
    statements.length === 1 && only !== undefined
      ? runStatement(access, changesOneRole(only.sql) ? 'shared' : 'exclusive', only.sql)
      : runTransaction(access, 'exclusive', statements),
  );
}

/**
 * Runs the default change of the expiration. On YugabyteDB an ALTER ROLE breaks the running transactions of every
 * session unless it is said not to, which is safe here: VALID UNTIL is looked at when somebody logs in, and never after.
 */
export async function changeExpiration(access: Access, statement: RenderedStatement): Promise<void> {
  await retry('changing an expiration', access.logger, () =>
    settled(access, () =>
      useForDdl(access, 'shared', async (session) => {
        await spareOthers(session);
        await session.query(statement.sql).catch((error: unknown) => {
          throw error instanceof Failure ? error.during('failed to execute query') : error;
        });
      }),
    ),
  );
}

async function spareOthers(session: Session): Promise<void> {
  session.nonBreakingDdl ??= await hasSetting(session);
  if (!session.nonBreakingDdl) return;
  try {
    await session.query(`SET ${NON_BREAKING} = true`);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'fatal') throw error;
    // An admin without yb_db_admin may not set it: the change is made all the same, it only costs others more.
    session.nonBreakingDdl = false;
  }
}

async function hasSetting(session: Session): Promise<boolean> {
  const { rows } = await session.query(`SELECT current_setting('${NON_BREAKING}', true) IS NOT NULL AS known`);
  return rows[0]?.['known'] === true;
}
