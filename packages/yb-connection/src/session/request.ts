import type pg from 'pg';
import type { ServerWarnings } from './server-warnings.ts';

/** What `pg` sends as it is: text, a number in its text form, bytes. */
export type Param = null | number | string | Buffer;

/** A statement for the server, with the values of $1, $2 ... Without `params`, `sql` may be several statements. */
export interface Request {
  readonly sql: string;
  readonly params?: readonly Param[];
}

export type Row = Readonly<Record<string, unknown>>;

/** The answer to a request; if it was several statements, to the last of them. */
export interface Answer {
  readonly rows: readonly Row[];
  /** The first word of the command tag: `COMMIT`, `ROLLBACK`, `SELECT`. */
  readonly command: string;
  /** How many rows were read or changed. */
  readonly rowCount: number;
  readonly warnings: ServerWarnings;
}

type Result = Pick<pg.QueryResult<Row>, 'rows' | 'command' | 'rowCount'>;

export function answerOf({ rows, command, rowCount }: Result): Omit<Answer, 'warnings'> {
  return { rows, command, rowCount: rowCount ?? 0 };
}

/** For several statements `pg` returns a list, which its types do not mention. */
export function lastOf(result: pg.QueryResult<Row> | readonly pg.QueryResult<Row>[]): Result {
  return 'rows' in result ? result : (result.at(-1) ?? { rows: [], command: '', rowCount: 0 });
}
