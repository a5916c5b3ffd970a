/**
 * The embedded engine's thread: owns the SQLite database and commits what arrived together in one transaction, each
 * request inside a savepoint of its own, so that one that fails does not take its neighbours along. An answer is sent
 * only after the commit. What arrives while a commit waits for the disk is the next batch: the busier, the larger.
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
const prepared = new Map<string, StatementSync>();
let waiting: Extract<WorkerRequest, { statements: unknown }>[] = [];

port.on('message', (request: WorkerRequest) => {
  if ('close' in request) {
    commitWaiting();
    database.close();
    answer([{ id: request.id, results: [] }]);
    port.close();
    return;
  }
  waiting.push(request);
  if (waiting.length === 1) setImmediate(commitWaiting);
});

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

function runRequest(request: { id: number; statements: readonly SqlStatement[] }): WorkerAnswer {
  database.exec('SAVEPOINT request');
  try {
    const results = request.statements.map(runStatement);
    database.exec('RELEASE request');
    return { id: request.id, results };
  } catch (error) {
    // On a full disk SQLite has already rolled everything back: then the whole batch has failed.
    if (!database.isTransaction) throw error;
    database.exec('ROLLBACK TO request');
    database.exec('RELEASE request');
    return failure(request.id, error);
  }
}

function failure(id: number, error: unknown): WorkerAnswer {
  const text = fileErrorText(error);
  if (text !== undefined) return { id, error: text, unavailable: true };
  return { id, error: error instanceof Error ? error.message : String(error), unavailable: false };
}

function runStatement({ sql, params = [] }: SqlStatement): SqlResult {
  let statement = prepared.get(sql);
  if (statement === undefined) {
    statement = database.prepare(sql);
    prepared.set(sql, statement);
  }
  const named = Object.fromEntries(params.map((value, index) => [`$${index + 1}`, value]));
  if (statement.columns().length > 0) {
    const rows = statement.all(named) as SqlRow[];
    return { rows, changes: /^\s*(INSERT|UPDATE|DELETE)/i.test(sql) ? rows.length : 0 };
  }
  return { rows: [], changes: Number(statement.run(named).changes) };
}

function answer(answers: WorkerAnswer[]): void {
  port?.postMessage(answers);
}
