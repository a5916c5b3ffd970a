import { CofferError, type Logger } from '@coffer/base';
import type { Store } from '@coffer/store';
import { clockDifference, clockProblem } from './clock.ts';
import type { Membership } from './membership.ts';
import type { NodeControl } from './node-control.ts';
import { DEAD_MS, listNodes, type SeenNode } from './nodes.ts';

export interface ThisNodeOptions {
  readonly store: Store;
  readonly membership: Pick<Membership, 'address' | 'lastHeardMs'>;
  readonly openSince: () => number | undefined;
  readonly logger: Logger;
}

/** Whether this node is fit to serve. */
export class ThisNode implements NodeControl {
  readonly #options: ThisNodeOptions;
  #isRetired = false;
  #wrongClock: string | undefined;

  constructor(options: ThisNodeOptions) {
    this.#options = options;
  }

  get isShared(): boolean {
    return !this.#options.store.exclusive;
  }

  get address(): string {
    return this.#options.membership.address;
  }

  get openSince(): number | undefined {
    return this.#options.openSince();
  }

  get problem(): string | undefined {
    if (this.#isRetired) return 'the server is shutting down';
    return this.#wrongClock ?? this.#silence();
  }

  async list(): Promise<readonly SeenNode[]> {
    const nodes = await listNodes(this.#options.store);
    // Where nobody else can be, nobody asks for its heartbeat, and it gives none.
    const seen = nodes.map((node) => (this.isShared ? node : { ...node, isDead: false }));
    return seen.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }

  /** From now on requests should go to another node; those that come are served all the same. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Compares the clocks, for {@link refusal}. To be called with each heartbeat. @throws CofferError as the store does */
  async checkClock(): Promise<void> {
    const { store, logger } = this.#options;
    // Where the store's clock is this machine's there is nothing to compare.
    if (store.exclusive) return;
    const before = this.#wrongClock;
    this.#wrongClock = clockProblem(await clockDifference(store));
    if (before === undefined && this.#wrongClock !== undefined) logger.error(this.#wrongClock);
    if (before !== undefined && this.#wrongClock === undefined) logger.info('the clock is right again');
  }

  /** @throws CofferError `unavailable` when the clock is wrong, and as the store does */
  async requireClock(): Promise<void> {
    await this.checkClock();
    if (this.refusal !== undefined) throw this.refusal;
  }

  /** While this machine's clock is not that of the store: what requests are refused with, which says what to do. */
  get refusal(): CofferError | undefined {
    return this.#wrongClock === undefined ? undefined : new CofferError('unavailable', this.#wrongClock);
  }

  #silence(): string | undefined {
    const silent = this.#options.membership.lastHeardMs;
    if (!this.isShared || silent <= DEAD_MS) return undefined;
    const since = Number.isFinite(silent) ? `for ${Math.floor(silent / 1000)} s` : 'yet';
    return `the database of the store has not answered ${since}`;
  }
}
