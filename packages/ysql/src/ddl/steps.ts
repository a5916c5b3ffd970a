import { Failure } from '../connection/failure.ts';
import type { Answer, Request, Session } from '../connection/session.ts';

/** One statement of several that are sent together, what a failure of it is called, and who wants to know the answer. */
export interface Step extends Request {
  readonly what: string;
  /** `clean`: no statement before it failed. */
  readonly see?: (answer: Answer | Failure, clean: boolean) => void;
  /**
   * A failure of it is an answer like another; `always`: a lost connection, too. Never of a statement inside a transaction
   * block.
   */
  readonly mayFail?: boolean | 'always';
}

export const BEGIN: Step = { sql: 'BEGIN', what: 'unable to start transaction' };
// A block that failed answers COMMIT with ROLLBACK.
export const COMMIT: Step = { sql: 'COMMIT', what: 'unable to commit transaction' };
export const ROLLBACK: Step = { sql: 'ROLLBACK', what: 'unable to roll back' };

/**
 * Steps that take effect together or not at all, as they are best sent: where DDL is part of the transaction, as one message.
 * Then the server answers once, at the end, does nothing after the first that fails (none of them may fail), and each step is
 * told the answer of the last. Elsewhere each is a message of its own, for it must be seen how far the server came.
 */
export function asBlock(session: Session, steps: readonly Step[]): readonly Step[] {
  if (session.transactionalDdl !== true) return steps;
  return [
    {
      // On lines of their own, since a statement may end with a comment.
      sql: steps.map(({ sql }) => sql).join('\n;\n'),
      what: 'failed to execute query',
      see: (answer, clean) => {
        for (const step of steps) step.see?.(answer, clean);
      },
    },
  ];
}

/**
 * Sends all steps in one round trip, and returns the answers when all are well. Inside a transaction block nothing has an
 * effect after a failure; elsewhere it may.
 *
 * @throws Failure the first one: the later ones of a block only repeat that it has failed
 */
export async function sendSteps(session: Session, steps: readonly Step[]): Promise<readonly Answer[]> {
  const answers = await session.pipeline(steps);
  const good: Answer[] = [];
  let first: Failure | undefined;
  for (const [at, { what, see, mayFail }] of steps.entries()) {
    const answer = answers[at];
    if (answer === undefined) continue;
    see?.(answer, first === undefined);
    if (!(answer instanceof Failure)) good.push(answer);
    else if (mayFail !== 'always' && (mayFail !== true || answer.kind === 'lost')) first ??= answer.during(what);
  }
  if (first !== undefined) throw first;
  return good;
}
