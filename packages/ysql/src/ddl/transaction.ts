import { requireClaim, withoutDeadline } from '@coffer/base';
import { type Answer, Failure, type Session, type SessionWish } from '@coffer/yb-connection';
import type { RenderedStatement } from '../sql/statement-template.ts';
import type { Access } from './access.ts';
import type { DdlMode } from './ddl-queue.ts';
import { lendPath, takeBack } from './lent-session.ts';
import { awaitBackendGone } from './lost-backend.ts';
import { BEGIN, COMMIT, ROLLBACK, sendSteps, type Step } from './steps.ts';
import { probeTransactionalDdl } from './transactional-ddl.ts';

/**
 * What to do about a statement whose node fell silent, so that nobody can tell whether it may still take effect. `wait`: until the
 * server itself must have given up on it. `tell`: reject at once, and say that it may. `harmless`: nothing, because it may.
 */
export type LateEffect = 'wait' | 'tell' | 'harmless';

/** How far a transaction got. */
export interface Progress {
  /** A statement that mentions the user took effect, or may have. */
  touchedUser: boolean;
  /** COMMIT has been sent. */
  commitSent: boolean;
  /** The statements that created a role, and where: the role stays whatever becomes of the transaction if DDL is no part of it. */
  readonly creations: { readonly statement: RenderedStatement; readonly session: Session }[];
  /** What the server warned of. */
  readonly warnings: string[];
}

export function noProgress(): Progress {
  return { touchedUser: false, commitSent: false, creations: [], warnings: [] };
}

/** A statement of a role, as a step that notes what came of it. */
export function roleStep(session: Session, statement: RenderedStatement, progress: Progress): Step {
  return {
    sql: statement.sql,
    what: 'failed to execute query',
    see: (answer, _, warnings) => {
      progress.warnings.push(...warnings);
      const failed = answer instanceof Failure;
      // YugabyteDB may report a conflict for a DDL that it has committed. Only a plain refusal certainly had no effect.
      if (statement.namesUser && !(failed && answer.hadNoEffect)) progress.touchedUser = true;
      if (!failed && statement.kind === 'create-role') progress.creations.push({ statement, session });
    },
  };
}

/**
 * Runs statements in one transaction when the queue lets it. If the connection is lost, it does not return before the old server
 * process is gone, so whatever the caller sees then is final.
 *
 * YugabyteDB commits each DDL by itself and ROLLBACK undoes none of them, so a failure says nothing about the statements before.
 *
 * `look` goes in one packet with the last statement, and sees what they did: when it throws, nothing is committed.
 *
 * @throws Failure with a message that names the step, and what `look` throws
 */
export async function runTransaction(
  access: Access,
  mode: DdlMode,
  statements: readonly RenderedStatement[],
  progress: Progress = noProgress(),
  look?: Step,
  late: LateEffect = 'wait',
): Promise<void> {
  const { advisoryLock } = access;
  const run = (): Promise<void> =>
    useForDdl(access, mode, async (session) => {
      try {
        const lock = mode === 'exclusive' ? advisoryLock.take(session) : [];
        const probe = mode === 'exclusive' ? advisoryLock.probe(session) : [];
        await sendSteps(session, [...probe, BEGIN, ...lock, ...lendPath(statements)]);
        await runStatements(access, session, { statements, progress, look });
        await commit(session, statements, progress);
      } catch (error) {
        await rollBack(session, takeBack(session, statements));
        throw error;
      }
    });
  await untilLanded(access, run, late);
}

/** Like {@link runTransaction}, for one statement of ours in a transaction of its own, which may just as well take effect late. */
export async function runOurs(access: Access, mode: DdlMode, sql: string, database?: string): Promise<void> {
  const run = () =>
    useForDdl(access, mode, (session) => sendSteps(session, [{ sql, what: 'failed to execute query' }]), { database });
  await untilLanded(access, run, 'harmless');
}

/** Like {@link runTransaction}, for one statement of a role, without a transaction block. */
export async function runStatement(
  access: Access,
  mode: DdlMode,
  statement: RenderedStatement,
  progress: Progress,
  late?: LateEffect,
): Promise<void> {
  const lent = [statement];
  const run = () =>
    useForDdl(access, mode, (session) =>
      sendSteps(session, [...lendPath(lent), roleStep(session, statement, progress), ...takeBack(session, lent)]),
    );
  await untilLanded(access, run, late);
}

/**
 * Lends a connection for DDL when the queue lets it, and what is worked on is still claimed. The turn to change privileges comes last: whoever waits for it already has
 * a connection, so whoever has it never waits for one.
 */
export async function useForDdl<T>(
  access: Access,
  mode: DdlMode,
  work: (session: Session) => Promise<T>,
  wish?: SessionWish,
): Promise<T> {
  const { queue, pool, metrics } = access;
  const fenced = async (session: Session): Promise<T> => {
    await requireClaim();
    return await work(session);
  };
  const asked = performance.now();
  return await queue.run(() => {
    metrics.took('coffer.database.queue.seconds', performance.now() - asked, { queue: 'ddl' });
    return pool.use(
      (session) => (mode === 'shared' ? fenced(session) : queue.withPrivileges(() => fenced(session))),
      wish,
    );
  });
}

/**
 * Runs `work`. If its outcome is unknown, rejects only once what it sent can no longer land, or as `late` says.
 *
 * @throws Failure whose `mayLand` says that it still can
 */
export async function untilLanded<T>(access: Access, work: () => Promise<T>, late: LateEffect = 'wait'): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure) || !error.outcomeUnknown) throw error;
    if (!error.nodeSilent || late === 'wait') {
      // Even if the caller has given up: what is concluded afterwards must be final.
      await withoutDeadline(() => awaitBackendGone(access, error.backend));
    } else if (late === 'tell') throw new Failure(error.kind, error.message, { ...error, final: true, mayLand: true });
    throw error;
  }
}

interface StatementRun {
  readonly statements: readonly RenderedStatement[];
  readonly progress: Progress;
  readonly look: Step | undefined;
}

async function runStatements(
  { queue }: Access,
  session: Session,
  { statements, progress, look }: StatementRun,
): Promise<void> {
  for (const [at, statement] of statements.entries()) {
    const probe = statement.kind === 'create-role' ? probeTransactionalDdl(queue, session) : [];
    const last = look !== undefined && at === statements.length - 1 ? [look] : [];
    await sendSteps(session, [roleStep(session, statement, progress), ...probe, ...last]);
  }
}

async function commit(session: Session, statements: readonly RenderedStatement[], progress: Progress): Promise<void> {
  progress.commitSent = true;
  const [answer] = await sendSteps(session, [COMMIT, ...takeBack(session, statements)]);
  refuseRollback(session, answer);
}

/**
 * The server answers the COMMIT of a failed transaction with ROLLBACK, and considers that a success.
 *
 * @throws Failure
 */
export function refuseRollback(session: Session, answer: Answer | undefined): void {
  if (answer?.command !== 'ROLLBACK') return;
  throw new Failure('fatal', 'unable to commit transaction: the server rolled it back', { backend: session.backend });
}

/** A failed ROLLBACK leaves the connection inside a transaction. Dropping the connection rolls back as well. */
export async function rollBack(session: Session, afterwards: readonly Step[] = []): Promise<void> {
  if (session.broken) return;
  try {
    await sendSteps(session, [ROLLBACK, ...afterwards]);
  } catch {
    session.destroy();
  }
}
