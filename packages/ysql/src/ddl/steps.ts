import { type Answer, Failure, type Request, type Session } from '@coffer/yb-connection';

/**
 * One of several statements that are sent together, what to call its failure, and who wants to see its answer and what the
 * server warned of.
 */
export interface Step extends Request {
  readonly what: string;
  /** `clean`: no statement before it has failed. */
  readonly see?: (answer: Answer | Failure, clean: boolean, warnings: readonly string[]) => void;
  /**
   * Its failure is just another answer; with `always`, so is a lost connection. Not for statements inside a transaction block.
   */
  readonly mayFail?: boolean | 'always';
}

export const BEGIN: Step = { sql: 'BEGIN', what: 'unable to start transaction' };
// In a failed block the answer to COMMIT is ROLLBACK.
export const COMMIT: Step = { sql: 'COMMIT', what: 'unable to commit transaction' };
export const ROLLBACK: Step = { sql: 'ROLLBACK', what: 'unable to roll back' };

/**
 * Steps that take effect together or not at all, in the form in which they are best sent. Where DDL is part of the transaction,
 * that is one message: the server stops at the first failure (so no step can be one that may fail) and answers once, and every
 * step sees the answer to the last. Elsewhere each is a message of its own, so that we can see how far the server got.
 */
export function asBlock(session: Session, steps: readonly Step[]): readonly Step[] {
  if (session.transactionalDdl !== true) return steps;
  return [
    {
      // On separate lines, since a statement may end with a comment.
      sql: steps.map(({ sql }) => sql).join('\n;\n'),
      what: 'failed to execute query',
      see: (answer, clean) => {
        for (const [at, step] of steps.entries()) step.see?.(answer, clean, warningsOf(answer, at));
      },
    },
  ];
}

function warningsOf(answer: Answer | Failure, statement?: number): readonly string[] {
  return answer instanceof Failure ? [] : answer.warnings.of(statement);
}

/**
 * Sends all steps in one round trip, and returns their answers if all is well. After a failure inside a transaction block
 * nothing has an effect; outside of one, later steps may.
 *
 * @throws Failure the first one, since later ones in a block only repeat that it has failed
 */
export async function sendSteps(session: Session, steps: readonly Step[]): Promise<readonly Answer[]> {
  const answers = await session.pipeline(steps);
  const good: Answer[] = [];
  let first: Failure | undefined;
  for (const [at, { what, see, mayFail }] of steps.entries()) {
    const answer = answers[at];
    if (answer === undefined) continue;
    see?.(answer, first === undefined, warningsOf(answer));
    if (!(answer instanceof Failure)) good.push(answer);
    else if (mayFail !== 'always' && (mayFail !== true || answer.outcomeUnknown)) first ??= answer.during(what);
  }
  if (first !== undefined) throw first;
  return good;
}
