import { AsyncLocalStorage } from 'node:async_hooks';
import { errorText, type Logger, VERSION } from '@coffer/base';
import type { Store } from '@coffer/store';
import { beat, DEAD_MS, forgetOthers, HEARTBEAT_MS, leave, type NodeState } from './nodes.ts';
import { Elapsed } from './elapsed.ts';
import type { NodeLife } from './node-life.ts';

/** Whoever was not heard for so long asks whether he was taken for dead: long before he can have been, in milliseconds. */
const DOUBT_MS = DEAD_MS / 2;

export interface MembershipOptions {
  readonly store: Store;
  /** Where clients reach this node. */
  readonly address: string;
  readonly state: () => NodeState;
  /** How far this node has come: see `Epochs`. -1 while it keeps nothing. */
  readonly epoch: () => number;
  /**
   * Called after each beat: what this node looks after from time to time. `isSteady`: its beats have come in time for as long as
   * makes a node dead. So the store was there for the others too, and whoever was not heard meanwhile does not live.
   */
  readonly afterBeat?: (beat: { readonly isSteady: boolean }) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Says in the store that this process is there, from {@link start} to {@link stop}. Where nobody else can have the store
 * open, it says so once, and when something changes.
 */
export class Membership implements NodeLife {
  readonly #options: MembershipOptions;
  /** Beats belong to no request, though one may cause them. */
  readonly #apart = AsyncLocalStorage.snapshot();
  #address: string;
  #timer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #heard: Elapsed | undefined;
  #deaths = 0;
  /** Since when every beat has come in time. */
  #steady = new Elapsed();
  #isAway = false;
  #beating: Promise<void> | undefined;
  /** Something changed while a beat was under way that may not have told it. */
  #again = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#address = options.address;
  }

  get address(): string {
    return this.#address;
  }

  /**
   * How long ago the last beat began that the store has answered, in milliseconds: however long this process was stopped
   * meanwhile. Infinite when there was none.
   */
  get lastHeardMs(): number {
    return this.#heard?.ms ?? Number.POSITIVE_INFINITY;
  }

  get life(): number | undefined {
    return this.#options.store.exclusive || this.lastHeardMs < DOUBT_MS ? this.#deaths : undefined;
  }

  /** Registers this process, and resolves when the store has answered. Does not reject: the next beat tries again. */
  async start(): Promise<void> {
    this.#isStarted = true;
    await this.#beat();
    if (this.#options.store.exclusive) return;
    this.#timer = setInterval(() => this.#start(), HEARTBEAT_MS).unref();
  }

  /** Tells the store at once what has changed. Does nothing before {@link start}. */
  tell(address = this.#address): void {
    this.#address = address;
    if (!this.#isStarted) return;
    this.#again = this.#beating !== undefined;
    this.#start();
  }

  /** Takes this process out of the store. Does not reject: the others notice anyway. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (!this.#isStarted) return;
    this.#isStarted = false;
    this.#again = false;
    await this.#beating;
    await leave(this.#options.store).catch(() => undefined);
  }

  #start(): void {
    this.#beat().catch(() => undefined);
  }

  /** One at a time: while the store does not answer, nothing piles up. */
  #beat(): Promise<void> {
    this.#beating ??= this.#apart(async () => {
      do {
        this.#again = false;
        await this.#beatOnce();
      } while (this.#again);
    }).finally(() => (this.#beating = undefined));
    return this.#beating;
  }

  async #beatOnce(): Promise<void> {
    const { store, state, epoch, afterBeat, logger } = this.#options;
    try {
      const begun = new Elapsed();
      const wasThere = await beat(store, { address: this.#address, version: VERSION, state: state(), epoch: epoch() });
      if (!wasThere && this.#heard !== undefined) {
        this.#deaths++;
        logger.warn('other nodes declared this node dead and take over its unfinished work', {
          silent_ms: this.#heard.ms,
        });
      }
      if (store.exclusive && this.#heard === undefined) await forgetOthers(store);
      if (this.lastHeardMs > DOUBT_MS) this.#steady = begun;
      this.#heard = begun;
      if (this.#isAway) logger.info('the store answers again');
      this.#isAway = false;
      await afterBeat?.({ isSteady: this.#steady.ms >= DEAD_MS });
    } catch (error) {
      if (!this.#isAway) logger.warn('the store does not answer', { error: errorText(error) });
      this.#isAway = true;
    }
  }
}
