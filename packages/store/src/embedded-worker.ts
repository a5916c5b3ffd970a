/**
 * The embedded engine's thread: owns the SQLite database and commits requests that arrive together in one transaction. A
 * request that fails is undone alone, without taking its neighbours along. Answers are sent only after the commit. What
 * arrives while a commit waits for the disk becomes the next batch: the busier the server, the larger the batch.
 */
import './sqlite-warning.ts';
import { backup, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { fileErrorText, openEmbeddedFile } from './embedded-file.ts';
import type { SqlResult, SqlRow, SqlStatement } from './store.ts';

/**
 * Messages to the thread. `close` is answered after everything before it. After `begin`, all but what is `within` waits until the
 * `end`. `copy` writes all that is committed to another file, while requests go on.
 */
export type WorkerRequest =
  | Statements
  | { readonly id: number; readonly within: readonly SqlStatement[] }
  | { readonly id: number; readonly begin: true }
  | { readonly id: number; readonly end: 'COMMIT' | 'ROLLBACK' }
  | { readonly id: number; readonly copy: string }
  | { readonly id: number; readonly close: true };
interface Statements {
  readonly id: number;
  readonly statements: readonly SqlStatement[];
}
export type WorkerAnswer =
  | { readonly id: number; readonly results: readonly SqlResult[] }
  | { readonly id: number; readonly error: string; readonly unavailable: boolean };
export interface WorkerData {
  readonly path: string;
}

/** Pages that are copied at once; in between, requests are served. */
const COPY_PAGES = 256;

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
let waiting: Statements[] = [];
/** A transaction is under way that takes several messages, or a copy begins: what comes waits. */
let isHeld = false;

port.on('message', (requests: readonly WorkerRequest[]) => {
  for (const request of requests) take(request);
});

function take(request: WorkerRequest): void {
  if ('statements' in request) {
    waiting.push(request);
    if (waiting.length === 1) setImmediate(commitWaiting);
  } else if ('copy' in request) {
    commitWaiting();
    copyTo(request.copy).then(
      () => answer([{ id: request.id, results: [] }]),
      (error: unknown) => answer([failure(request.id, error)]),
    );
  } else if ('within' in request) {
    answer([runWithin(request.id, request.within)]);
  } else if ('close' in request) {
    if (database.isTransaction) end('ROLLBACK');
    isHeld = false;
    commitWaiting();
    database.close();
    answer([{ id: request.id, results: [] }]);
    port?.close();
  } else {
    answer([attempt(request.id, () => ('begin' in request ? begin() : end(request.end)))]);
    // What came meanwhile.
    commitWaiting();
  }
}

/** @throws Error when one is under way: callers take turns */
function begin(): void {
  commitWaiting();
  database.exec('BEGIN IMMEDIATE');
  isHeld = true;
}

function end(how: 'COMMIT' | 'ROLLBACK'): void {
  isHeld = false;
  try {
    database.exec(how);
  } finally {
    // One that could not be committed, on a full disk say.
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}

function runWithin(id: number, statements: readonly SqlStatement[]): WorkerAnswer {
  // On a full disk SQLite has already rolled everything back: what followed would be kept by itself.
  if (!database.isTransaction) return failure(id, new Error('the transaction is over'));
  return attempt(id, () => statements.map(runStatement));
}

function attempt(id: number, work: () => readonly SqlResult[] | void): WorkerAnswer {
  try {
    return { id, results: work() ?? [] };
  } catch (error) {
    return failure(id, error);
  }
}

/**
 * Each step waits while a transaction of ours writes, and pages that change meanwhile are copied again: at the end, the copy is
 * all that was committed (https://sqlite.org/c3ref/backup_finish.html). Only the first step must not meet a transaction: Node.js
 * takes that for the end, and fails.
 */
async function copyTo(path: string): Promise<void> {
  isHeld = true;
  const goOn = (): void => {
    if (!isHeld) return;
    isHeld = false;
    commitWaiting();
  };
  try {
    await backup(database, path, { rate: COPY_PAGES, progress: goOn });
  } finally {
    goOn();
  }
}

function commitWaiting(): void {
  if (isHeld) return;
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
