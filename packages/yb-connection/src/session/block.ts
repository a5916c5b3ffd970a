import pg from 'pg';
import type { Param, Request, Row } from './request.ts';

type Result = pg.QueryResult<Row>;

/**
 * Several statements as one request: each is parsed, bound and executed in turn, and only the last is followed by a Sync. After one
 * that fails the server skips the rest (postgres:doc/src/sgml/protocol.sgml, "Pipelining"), so a BEGIN that fails leaves nothing to run
 * outside of its transaction. `pg` has no such request, but one of its queries takes the answers to it as it takes those to
 * `SELECT 1; SELECT 2`.
 */
export class Block extends pg.Query<Row> {
  readonly results: Promise<readonly Result[]>;
  readonly #requests: readonly Request[];

  constructor(requests: readonly Request[]) {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Result[]>();
    super({ text: '' }, (error: Error | null | undefined, result: Result | readonly Result[]) => {
      if (error == null) resolve('rows' in result ? [result] : result);
      else reject(error);
    });
    this.results = promise;
    this.#requests = requests;
  }

  override submit = (connection: pg.Connection): void => {
    connection.stream.cork();
    for (const { sql, params = [] } of this.#requests) {
      connection.parse({ name: '', text: sql, types: [] }, true);
      connection.bind({ values: params.map(asSent) }, true);
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
