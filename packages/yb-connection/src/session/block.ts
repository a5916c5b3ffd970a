import pg from 'pg';
import type { PreparedStatements } from './prepared-statements.ts';
import type { Param, Request, Row } from './request.ts';

type Result = pg.QueryResult<Row>;

/**
 * Several statements as one request: each is parsed if it is new, bound and executed in turn, and only the last is followed by a Sync. After one
 * that fails the server skips the rest (postgres:doc/src/sgml/protocol.sgml, "Pipelining"), so a BEGIN that fails leaves nothing to run
 * outside of its transaction. `pg` has no such request, but one of its queries takes the answers to it as it takes those to
 * `SELECT 1; SELECT 2`.
 */
export class Block extends pg.Query<Row> {
  readonly results: Promise<readonly Result[]>;
  readonly #requests: readonly Request[];
  readonly #prepared: PreparedStatements;

  constructor(requests: readonly Request[], prepared: PreparedStatements) {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Result[]>();
    super({ text: '' }, (error: Error | null | undefined, result: Result | readonly Result[]) => {
      if (error == null) resolve('rows' in result ? [result] : result);
      else {
        this.#prepared.forget(requests.map(({ sql }) => sql));
        reject(error);
      }
    });
    this.results = promise;
    this.#requests = requests;
    this.#prepared = prepared;
  }

  override submit = (connection: pg.Connection): void => {
    connection.stream.cork();
    for (const { sql, params = [] } of this.#requests) {
      const statement = this.#prepared.use(connection, sql);
      connection.bind({ statement, values: params.map(asSent) }, true);
      connection.describe({ type: 'P', name: '' }, true);
      connection.execute({}, true);
    }
    connection.sync();
    connection.stream.uncork();
  };
}

function asSent(param: Param): Buffer | null | string {
  return typeof param === 'number' ? String(param) : param;
}
