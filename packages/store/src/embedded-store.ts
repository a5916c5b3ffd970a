import { Worker } from 'node:worker_threads';
import { CofferError, traced } from '@coffer/base';
import { EmbeddedBulk } from './embedded-bulk.ts';
import type { WorkerAnswer, WorkerData, WorkerRequest } from './embedded-worker.ts';
import { Rewrites } from './rewrites.ts';
import type { SqlResult, SqlStatement, SqlValue, Store } from './store.ts';
import { storeSpan } from './traced-transaction.ts';

/** Set by the build: the bundled text of embedded-worker.ts, since a single executable has no file beside it. */
declare const COFFER_EMBEDDED_WORKER: string | undefined;

export interface EmbeddedStoreOptions {
  /** The database file, or `:memory:` for a store that ends with the process. */
  readonly path: string;
}

interface Pending {
  readonly statements: readonly SqlStatement[];
  readonly resolve: (results: readonly SqlResult[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens the embedded engine: SQLite (node:sqlite) in a worker thread, so that a slow disk never stalls the event loop.
 * Calls made in the same tick, or while a commit is under way, share one commit (WAL, `synchronous=FULL`). The
 * file is made when it does not exist (mode 0600), locked for as long as it is open, and checked before it is used.
 *
 * @throws CofferError `failed` when the file cannot be opened, is damaged, is another's or comes from a newer version
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const store = new EmbeddedStore(startWorker({ path: options.path }), options.path);
  await store.run('SELECT 1');
  return store;
}

/** What the thread has in hand is gone with its next answer: a larger young generation would only lie about, 48 MB of it. */
const YOUNG_GENERATION_MB = 6;

function startWorker(workerData: WorkerData): Worker {
  const options = { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } };
  if (typeof COFFER_EMBEDDED_WORKER === 'string') return new Worker(COFFER_EMBEDDED_WORKER, { ...options, eval: true });
  return new Worker(new URL('./embedded-worker.ts', import.meta.url), options);
}

class EmbeddedStore implements Store {
  /** The file is locked for as long as it is open. */
  readonly exclusive = true;
  readonly bulk: EmbeddedBulk;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #rewrites = new Rewrites();
  /** Not posted yet: a message costs as much as a statement, so everything from one tick goes in one message. */
  #unsent: WorkerRequest[] = [];
  #nextId = 1;
  #ended: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, path: string) {
    this.#worker = worker;
    this.bulk = new EmbeddedBulk(path, (message) => this.#submit((id) => ({ id, ...message })), openEmbeddedStore);
    worker.on('message', (answers: WorkerAnswer[]) => {
      for (const answer of answers) this.#settle(answer);
    });
    worker.on('error', (error: Error) =>
      this.#end(new CofferError('failed', `store: ${error.message}`, { cause: error })),
    );
    worker.on('exit', () => this.#end(new CofferError('unavailable', 'the store is closed')));
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    const [result] = await this.transaction([{ sql, params }]);
    return result ?? { rows: [], changes: 0 };
  }

  transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    return traced(
      () => storeSpan('sqlite', statements),
      () => this.#submit((id) => ({ id, statements })),
    );
  }

  rewrites(table: string): number {
    return this.#rewrites.of(table);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#submit((id) => ({ id, close: true })).then(
      () => undefined,
      () => undefined,
    );
    await this.#closing;
  }

  #submit(request: (id: number) => WorkerRequest): Promise<readonly SqlResult[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#closing !== undefined) return Promise.reject(new CofferError('unavailable', 'the store is closed'));
    const id = this.#nextId++;
    const message = request(id);
    const statements = statementsIn(message);
    this.#rewrites.count(statements);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { statements, resolve, reject });
      this.#unsent.push(message);
      if (this.#unsent.length === 1) queueMicrotask(() => this.#send());
    });
  }

  #send(): void {
    const requests = this.#unsent;
    this.#unsent = [];
    this.#worker.postMessage(requests);
  }

  #settle(answer: WorkerAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    this.#rewrites.count(pending?.statements ?? []);
    if ('error' in answer)
      pending?.reject(new CofferError(answer.unavailable ? 'unavailable' : 'internal', `store: ${answer.error}`));
    else pending?.resolve(answer.results);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}

function statementsIn(message: WorkerRequest): readonly SqlStatement[] {
  if ('statements' in message) return message.statements;
  return 'within' in message ? message.within : [];
}
