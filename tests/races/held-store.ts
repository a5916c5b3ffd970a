/** A store that holds one call until it is told to go on, so that a test decides who comes first. */
import type { SqlResult, SqlStatement, SqlValue, Store } from '@coffer/store';

export interface Hold {
  /** The call has come, and waits. */
  readonly reached: Promise<void>;
  release(): void;
}

/** Runs the statements of the held call, between what it was held for. */
type Around = (statements: readonly SqlStatement[], reached: () => void) => Promise<readonly SqlResult[]>;

export class HeldStore implements Store {
  readonly exclusive: boolean;
  readonly inner: Store;
  #next: { readonly pattern: RegExp; readonly around: Around } | undefined;

  constructor(inner: Store) {
    this.inner = inner;
    this.exclusive = inner.exclusive;
  }

  /** Holds the next call that has a statement like `pattern`, before anything of it runs. */
  hold(pattern: RegExp): Hold {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const reached = this.holdAround(pattern, async (statements, arrived) => {
      arrived();
      await released;
      return this.inner.transaction(statements);
    });
    return { reached, release };
  }

  /** Resolves when the next call like `pattern` says that it has come. */
  holdAround(pattern: RegExp, around: Around): Promise<void> {
    return new Promise((reached) => {
      this.#next = { pattern, around: (statements) => around(statements, reached) };
    });
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    const [result] = await this.transaction([{ sql, params }]);
    return result ?? { rows: [], changes: 0 };
  }

  transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    const next = this.#next;
    if (next === undefined || !statements.some(({ sql }) => next.pattern.test(sql.replace(/\s+/g, ' ').trim()))) {
      return this.inner.transaction(statements);
    }
    this.#next = undefined;
    return next.around(statements, () => undefined);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
