/**
 * The embedded engine's thread: owns the SQLite database and commits requests that arrive together in one transaction. A
 * request that fails is undone alone, without taking its neighbours along. Answers are sent only after the commit. What
 * arrives while a commit waits for the disk becomes the next batch: the busier the server, the larger the batch.
 */
import type { StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { fileErrorText, openEmbeddedFile } from './embedded-file.ts';
import type { SqlResult, SqlRow, SqlStatement } from './store.ts';

/** Messages to the thread. `close` is answered after everything before it. */
export type WorkerRequest =
  | { readonly id: number; readonly statements: readonly SqlStatement[] }
  | { readonly id: number; readonly close: true };
export type WorkerAnswer =
  | { readonly id: number; readonly results: readonly SqlResult[] }
  | { readonly id: number; readonly error: string; readonly unavailable: boolean };
export interface WorkerData {
  readonly path: string;
}

const port = parentPort;
if (port === null) throw new Error('embedded-worker.ts runs as a worker thread only');

const database = openEmbeddedFile((workerData as WorkerData).path);
interface Prepared {
  readonly statement: StatementSync;
  readonly givesRows: boolean;
  /** Whether the rows it returns are rows it changed. */
  readonly changesRows: boolean;
}

const prepared = new Map<string, Prepared>();
let waiting: Extract<WorkerRequest, { statements: unknown }>[] = [];

port.on('message', (requests: readonly WorkerRequest[]) => {
  for (const request of requests) take(request);
});

function take(request: WorkerRequest): void {
  if ('close' in request) {
    commitWaiting();
    database.close();
    answer([{ id: request.id, results: [] }]);
    port?.close();
    return;
  }
  waiting.push(request);
  if (waiting.length === 1) setImmediate(commitWaiting);
}

function commitWaiting(): void {
  const batch = waiting;
  waiting = [];
  if (batch.length === 0) return;
  try {
    database.exec('BEGIN IMMEDIATE');
    const answers = batch.map(runRequest);
    database.exec('COMMIT');
    answer(answers);
  } catch (error) {
    // Nothing of the batch is durable: every request of it has failed.
    if (database.isTransaction) database.exec('ROLLBACK');
    answer(batch.map(({ id }) => failure(id, error)));
  }
}

function runRequest({ id, statements }: { id: number; statements: readonly SqlStatement[] }): WorkerAnswer {
  // A statement that fails leaves nothing behind by itself (https://sqlite.org/lang_conflict.html, ABORT).
  const alone = statements.length === 1;
  if (!alone) database.exec('SAVEPOINT request');
  try {
    const results = statements.map(runStatement);
    if (!alone) database.exec('RELEASE request');
    return { id, results };
  } catch (error) {
    // On a full disk SQLite has already rolled everything back: then the whole batch has failed.
    if (!database.isTransaction) throw error;
    if (!alone) {
      database.exec('ROLLBACK TO request');
      database.exec('RELEASE request');
    }
    return failure(id, error);
  }
}

function failure(id: number, error: unknown): WorkerAnswer {
  const text = fileErrorText(error);
  if (text !== undefined) return { id, error: text, unavailable: true };
  return { id, error: error instanceof Error ? error.message : String(error), unavailable: false };
}

function runStatement({ sql, params = [] }: SqlStatement): SqlResult {
  const { statement, givesRows, changesRows } = prepare(sql);
  const named = Object.fromEntries(params.map((value, index) => [`$${index + 1}`, value]));
  if (!givesRows) return { rows: [], changes: Number(statement.run(named).changes) };
  const rows = statement.all(named) as SqlRow[];
  return { rows, changes: changesRows ? rows.length : 0 };
}

function prepare(sql: string): Prepared {
  const known = prepared.get(sql);
  if (known !== undefined) return known;
  // One transaction runs after the other here, and SQLite has no locks on rows.
  const statement = database.prepare(sql.replaceAll('FOR SHARE', ''));
  const made: Prepared = {
    statement,
    givesRows: statement.columns().length > 0,
    changesRows: /^\s*(INSERT|UPDATE|DELETE)/i.test(sql),
  };
  prepared.set(sql, made);
  return made;
}

function answer(answers: WorkerAnswer[]): void {
  port?.postMessage(answers);
}
