import { CofferError, currentDeadline, errorText, type Logger, timeLeft } from '@coffer/base';
import type { ConnectionSettings } from '../settings/connection-settings.ts';
import { Failure } from '../session/failure.ts';
import type { Session, SessionWish } from '../session/session.ts';

/** The longest wait for a connection when all are in use. */
const WAIT_MS = 60_000;

interface Waiter {
  readonly resume: () => void;
  readonly fail: (failure: Failure) => void;
  /** The only node that will do; undefined if any will. */
  readonly node: string | undefined;
}

/** How long a connection that was wanted for one certain node is kept while nobody uses it. */
const UNUSED_MS = 60_000;

export type PoolLimits = Pick<
  ConnectionSettings,
  'maxOpen' | 'maxIdle' | 'longestIdleSeconds' | 'maxLifetimeSeconds' | 'database' | 'oneForEachNode'
>;

/**
 * The connections of one configuration to all nodes and databases, under one limit. Nobody may hold a connection and ask for a
 * second one: with max_open_connections=1 that would wait for ever.
 */
export class SessionPool {
  readonly #limits: PoolLimits;
  readonly #open: (wish: SessionWish) => Promise<Session>;
  readonly #logger: Logger;
  readonly #idle: Session[] = [];
  readonly #expiry = new Map<Session, NodeJS.Timeout>();
  /** Those that were opened for the sake of their node, with the timer of one that is idle. */
  readonly #forNode = new Map<Session, NodeJS.Timeout | undefined>();
  readonly #nodes: () => number;
  readonly #waited: (ms: number) => void;
  readonly #waiting: Waiter[] = [];
  /** Connections that exist or are being opened. */
  #total = 0;
  #closed = false;

  /** `nodes`: how many nodes the cluster is known to have. `waited` gets how long each caller waited for its connection, in milliseconds. */
  constructor(
    limits: PoolLimits,
    logger: Logger,
    open: (wish: SessionWish) => Promise<Session>,
    nodes: () => number = () => 0,
    waited: (ms: number) => void = () => undefined,
  ) {
    this.#waited = waited;
    this.#limits = limits;
    this.#nodes = nodes;
    this.#logger = logger;
    this.#open = open;
  }

  /** Lends a connection to `work`. One that comes back broken, or inside a transaction, is not used again. */
  async use<T>(work: (session: Session) => Promise<T>, wish: SessionWish = {}): Promise<T> {
    const begin = performance.now();
    const session = await this.#acquire(wish).finally(() => this.#waited(performance.now() - begin));
    try {
      return await work(session);
    } finally {
      if (session.readOnly) await this.#discardLike(session);
      await this.#release(session);
    }
  }

  /** Connections that are in use or being opened, that are idle, and callers that wait for one. */
  get counts(): { readonly busy: number; readonly idle: number; readonly waiting: number } {
    return { busy: this.#total - this.#idle.length, idle: this.#idle.length, waiting: this.#waiting.length };
  }

  /** Closes idle connections now, and the others as they come back. Later calls of `use` reject. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.resume();
    await Promise.all(this.#idle.splice(0).map((session) => this.#discard(session)));
  }

  async #acquire(wish: SessionWish): Promise<Session> {
    const patience = timeLeft(WAIT_MS);
    const deadline = Date.now() + patience;
    let queued = false;
    for (;;) {
      if (this.#closed) throw new CofferError('unavailable', 'the database connection was closed');
      const session = !queued && this.#waiting.length > 0 ? undefined : await this.#take(wish);
      if (session !== undefined) return session;
      if (Date.now() >= deadline) {
        const text = `no database connection became free in ${Math.round(patience / 100) / 10} s (max_open_connections=${this.#limits.maxOpen})`;
        throw new CofferError('unavailable', text, { cause: new Failure('busy', text) });
      }
      await this.#wait(deadline - Date.now(), queued, wish.node);
      this.#requireWaiter();
      queued = true;
    }
  }

  /** A caller that has gone away must not take a connection from those behind it. @throws CofferError `failed` */
  #requireWaiter(): void {
    const reason = currentDeadline()?.reason;
    if (reason === undefined) return;
    this.#wake();
    throw reason;
  }

  /** A suitable idle connection, else a new one; undefined if all are in use. */
  async #take(wish: SessionWish): Promise<Session | undefined> {
    const database = wish.database ?? this.#limits.database;
    for (const session of this.#idle.filter((each) => this.#expired(each))) session.destroy();
    const idle = this.#suitable(wish.node, database);
    if (idle !== undefined) {
      this.#idle.splice(this.#idle.indexOf(idle), 1);
      this.#forgetExpiry(idle);
      return idle;
    }
    if (this.#total >= this.#maxOpen) {
      // Who asks all nodes in turn would otherwise always close the one that is wanted next.
      const misfit = wish.node === undefined ? this.#idle.shift() : this.#idle.pop();
      if (misfit === undefined) return undefined;
      this.#forgetExpiry(misfit);
      this.#total++; // holds the place while the other one closes
      await this.#discard(misfit);
    } else {
      this.#total++;
    }
    return await this.#openNew(wish);
  }

  #suitable(node: string | undefined, database: string): Session | undefined {
    const idle = this.#idle.filter((session) => session.identity.database === database);
    if (node !== undefined) return idle.findLast((session) => session.node === node);
    const anywhere = idle.filter((session) => !session.onlyForNode);
    // Those that were opened for the sake of their node come back together, and that of the slowest node comes last.
    return anywhere.findLast((session) => !this.#forNode.has(session)) ?? anywhere[0];
  }

  async #openNew(wish: SessionWish): Promise<Session> {
    try {
      const session = await this.#open(wish);
      session.whenClosed(() => this.#leave(session));
      if (wish.node !== undefined) this.#forNode.set(session, undefined);
      return session;
    } catch (error) {
      this.#total--;
      if (error instanceof Failure && error.kind === 'unreachable') this.#failWaiting(error, wish.node);
      this.#wake();
      throw error;
    }
  }

  /** Whoever waits for a place in the pool, to go where nobody could be reached, would only find out the same later. */
  #failWaiting(error: Failure, node: string | undefined): void {
    const inVain = this.#waiting.filter((waiter) => waiter.node === node);
    for (const waiter of inVain) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.fail(error);
    }
  }

  async #wait(milliseconds: number, front: boolean, node: string | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        resume: () => {
          clearTimeout(timer);
          resolve();
        },
        fail: (failure) => {
          clearTimeout(timer);
          reject(failure);
        },
        node,
      };
      const timer = setTimeout(() => {
        const at = this.#waiting.indexOf(waiter);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve();
      }, milliseconds);
      if (front) this.#waiting.unshift(waiter);
      else this.#waiting.push(waiter);
    });
  }

  async #release(session: Session): Promise<void> {
    const keep =
      !this.#closed &&
      session.reusable &&
      session.identity.database === this.#limits.database &&
      this.#idle.length < this.#maxIdle &&
      !this.#expired(session);
    if (!keep) {
      await this.#discard(session);
      return;
    }
    this.#idle.push(session);
    this.#limitIdleness(session);
    this.#closeUnused(session);
    this.#wake();
  }

  /** What holds for one session on a server that refuses to write holds for all. */
  async #discardLike({ identity }: Session): Promise<void> {
    const alike = this.#idle.filter(
      (idle) => idle.identity.address === identity.address && idle.identity.port === identity.port,
    );
    for (const session of alike) this.#idle.splice(this.#idle.indexOf(session), 1);
    await Promise.all(alike.map((session) => this.#discard(session)));
  }

  /** A connection that breaks while idle leaves the pool by itself; one in use is checked when it comes back. */
  #leave(session: Session): void {
    this.#forgetExpiry(session);
    this.#forNode.delete(session);
    const at = this.#idle.indexOf(session);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#total--;
    this.#wake();
  }

  #limitIdleness(session: Session): void {
    const { longestIdleSeconds = Infinity } = this.#limits;
    const left = Math.min(this.#endOf(session) - Date.now(), longestIdleSeconds * 1000);
    if (left === Infinity) return;
    const timer = setTimeout(() => session.destroy(), Math.min(left, 2 ** 31 - 1));
    timer.unref();
    this.#expiry.set(session, timer);
  }

  #expired(session: Session): boolean {
    return Date.now() >= this.#endOf(session);
  }

  /** When it is to be replaced: at the end of its life, or because it is on a node that is not the best. */
  #endOf({ openedAt, reconsiderAt = Infinity }: Session): number {
    const { maxLifetimeSeconds } = this.#limits;
    return Math.min(reconsiderAt, maxLifetimeSeconds === 0 ? Infinity : openedAt + maxLifetimeSeconds * 1000);
  }

  /** Revocations that follow each other find the connections to all nodes open; an idle plugin keeps none for their sake. */
  #closeUnused(session: Session): void {
    if (!this.#forNode.has(session)) return;
    const timer = setTimeout(() => session.destroy(), UNUSED_MS);
    timer.unref();
    this.#forNode.set(session, timer);
  }

  get #maxOpen(): number {
    const { maxOpen, oneForEachNode } = this.#limits;
    return oneForEachNode.open ? Math.max(maxOpen, this.#nodes()) : maxOpen;
  }

  get #maxIdle(): number {
    const { maxIdle, oneForEachNode } = this.#limits;
    return oneForEachNode.idle ? this.#maxOpen : maxIdle;
  }

  #forgetExpiry(session: Session): void {
    clearTimeout(this.#forNode.get(session));
    clearTimeout(this.#expiry.get(session));
    this.#expiry.delete(session);
  }

  async #discard(session: Session): Promise<void> {
    this.#forgetExpiry(session);
    try {
      // A polite goodbye would also end a transaction, but we must not wait for a server that hangs.
      if (session.inTransaction) session.destroy();
      else await session.close();
    } catch (error) {
      this.#logger.debug('closing a connection failed', { error: errorText(error) });
    } finally {
      this.#total--;
      this.#wake();
    }
  }

  #wake(): void {
    this.#waiting.shift()?.resume();
  }
}
