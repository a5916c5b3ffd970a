/** A store that sees each call that one request makes of it, and lets a test step in: that is a fault point. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlResult, SqlStatement, SqlValue, Store } from '@coffer/store';

/** Longer than the longest sleep of a background loop. */
const IDLE_MS = 6_000;

/** One call, named by its statements and how many such calls went before it: others may run in between. */
export interface StoreCall {
  readonly sql: string;
  /** From 1. */
  readonly occurrence: number;
}

export type Intervention = <T>(call: StoreCall, work: () => Promise<T>) => Promise<T>;

/** Whose calls count: those of the request itself, or also those of the background work that it gives rise to. */
export type Scope = 'request' | 'everything';

export function isWrite({ sql }: StoreCall): boolean {
  return /^(INSERT|UPDATE|DELETE)/.test(sql);
}

export interface Observation {
  readonly intervene?: Intervention;
  /** What the background loops ask all the time, whatever a request does. */
  readonly background?: readonly string[];
}

export class ObservedStore implements Store {
  /** In order. */
  readonly calls: StoreCall[] = [];
  readonly exclusive: boolean;
  readonly rewrites?: (table: string) => number;
  /** What was asked outside of requests. */
  readonly #unasked = new Set<string>();
  readonly #inner: Store;
  readonly #intervene: Intervention;
  readonly #background: ReadonlySet<string>;
  readonly #request = new AsyncLocalStorage<true>();
  #scope: Scope | undefined;
  #lastCall = Date.now();

  constructor(inner: Store, { intervene = (_, work) => work(), background = [] }: Observation = {}) {
    this.#inner = inner;
    this.#intervene = intervene;
    this.#background = new Set(background);
    this.exclusive = inner.exclusive;
    if (inner.rewrites !== undefined) this.rewrites = inner.rewrites.bind(inner);
  }

  /** How long nobody has called, in milliseconds. */
  get quiet(): number {
    return Date.now() - this.#lastCall;
  }

  /** What is asked outside of requests while there is nothing to do: waits until the background loops have come round. */
  async askedWhenIdle(): Promise<readonly string[]> {
    this.#unasked.clear();
    await sleep(IDLE_MS);
    return [...this.#unasked];
  }

  /** Observes the calls of `work`. */
  async observe<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
    this.#scope = scope;
    try {
      return await this.#request.run(true, work);
    } finally {
      this.#scope = undefined;
    }
  }

  run(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    return this.#pass([sql], () => this.#inner.run(sql, params));
  }

  transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    return this.#pass(
      statements.map(({ sql }) => sql),
      () => this.#inner.transaction(statements),
    );
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #pass<T>(statements: readonly string[], work: () => Promise<T>): Promise<T> {
    this.#lastCall = Date.now();
    const sql = statements.map((text) => text.replace(/\s+/g, ' ').trim()).join('; ');
    if (this.#request.getStore() === undefined) this.#unasked.add(sql);
    if (!this.#counts(sql)) return work();
    const call = { sql, occurrence: this.calls.filter((other) => other.sql === sql).length + 1 };
    this.calls.push(call);
    return this.#intervene(call, work);
  }

  #counts(sql: string): boolean {
    if (this.#scope === 'everything') return true;
    return this.#scope === 'request' && this.#request.getStore() !== undefined && !this.#background.has(sql);
  }
}
