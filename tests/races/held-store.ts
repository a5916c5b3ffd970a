/** A store that holds one call until it is told to go on, so that a test decides who comes first. */
import type { SqlResult, SqlStatement, SqlValue, Store } from '@coffer/store';

export interface Hold {
  /** The call has come, and waits. */
  readonly reached: Promise<void>;
  release(): void;
}

/** Runs the statements of the held call, with what is held around them. */
type Around = (statements: readonly SqlStatement[]) => Promise<readonly SqlResult[]>;

export class HeldStore implements Store {
  readonly exclusive: boolean;
  readonly rewrites?: (table: string) => number;
  readonly inner: Store;
  /** Whether all statements of a transaction see what the first one saw, as on YugabyteDB unless it is told otherwise. */
  snapshots = false;
  #next: { readonly pattern: RegExp; readonly around: Around } | undefined;

  constructor(inner: Store) {
    this.inner = inner;
    this.exclusive = inner.exclusive;
    if (inner.rewrites !== undefined) this.rewrites = inner.rewrites.bind(inner);
  }

  /** Holds the next call that has a statement like `pattern`, before anything of it runs. */
  hold(pattern: RegExp): Hold {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.holdAround(pattern, async (statements) => {
      reached.resolve();
      await released.promise;
      return this.inner.transaction(statements);
    });
    return { reached: reached.promise, release: () => released.resolve() };
  }

  /** The same, but holds what the call has given. */
  holdAnswer(pattern: RegExp): Hold {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.holdAround(pattern, async (statements) => {
      const answer = await this.inner.transaction(statements);
      reached.resolve();
      await released.promise;
      return answer;
    });
    return { reached: reached.promise, release: () => released.resolve() };
  }

  /** The next call that has a statement like `pattern` is `around`'s. */
  holdAround(pattern: RegExp, around: Around): void {
    this.#next = { pattern, around };
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    const [result] = await this.transaction([{ sql, params }]);
    return result ?? { rows: [], changes: 0 };
  }

  transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    const next = this.#next;
    if (next === undefined || !statements.some(({ sql }) => next.pattern.test(sql.replace(/\s+/g, ' ').trim()))) {
      return this.#plain(statements);
    }
    this.#next = undefined;
    return next.around(statements);
  }

  async #plain(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    if (!this.snapshots || statements.length < 2) return this.inner.transaction(statements);
    const isolation = { sql: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ' };
    return (await this.inner.transaction([isolation, ...statements])).slice(1);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
