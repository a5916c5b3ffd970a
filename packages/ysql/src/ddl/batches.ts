import {
  type ClaimCheck,
  currentClaim,
  currentDeadline,
  type Deadline,
  underClaim,
  withoutDeadline,
} from '@coffer/base';

export interface BatchLimits {
  /** How many batches may be under way at once. */
  readonly batches: number;
  /** How many items one batch may have. */
  readonly items: number;
}

/** From so much work on each item, in milliseconds, it is worth a server process more: less than that costs it to begin. */
const DEAR_MS = 1;
/** How much the latest batch counts in what an item is known to take. */
const WEIGHT = 0.2;

interface Waiter<Item, Outcome> {
  readonly item: Item;
  readonly deadline: Deadline | undefined;
  readonly claim: ClaimCheck | undefined;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Works on waiting items together. An item that comes alone is started at once; what arrives while as many batches are under way
 * as may be shares the next one. No item is ever held back in the hope of more.
 */
export class Batches<Item, Outcome> {
  readonly #limits: BatchLimits;
  readonly #work: (items: readonly Item[]) => Promise<readonly Outcome[]>;
  readonly #waiting: Waiter<Item, Outcome>[] = [];
  #running = 0;
  #scheduled = false;
  /** What an item took of late, in milliseconds; unknown before the first batch. */
  #itemMs: number | undefined;

  /** `work` resolves with one outcome per item, in order. If it rejects, so do all of its items. */
  constructor(limits: BatchLimits, work: (items: readonly Item[]) => Promise<readonly Outcome[]>) {
    this.#limits = limits;
    this.#work = work;
  }

  /** @throws CofferError `failed` if its caller gave up before it was started; otherwise whatever `work` rejects with */
  submit(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, deadline: currentDeadline(), claim: currentClaim(), resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // So that requests that arrived in one packet go together.
      setImmediate(() => {
        this.#scheduled = false;
        this.#start();
      });
    });
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#running < this.#limits.batches) {
      this.#dropUnawaited();
      if (this.#waiting.length === 0) return;
      // One batch is the work of one server process: dear items are shared out evenly, cheap ones share what each batch costs.
      const isDear = (this.#itemMs ?? DEAR_MS) >= DEAR_MS;
      const batches = isDear ? this.#limits.batches - this.#running : 1;
      const share = Math.ceil(this.#waiting.length / batches);
      this.#running++;
      const batch = this.#waiting.splice(0, Math.min(share, this.#limits.items));
      // No single caller's deadline applies to what is done for many, but all of them must have what they claimed.
      const checks = new Set(batch.map(({ claim }) => claim));
      const claims = async (): Promise<void> => {
        for (const check of checks) await check?.();
      };
      withoutDeadline(() => underClaim(claims, () => this.#run(batch))).catch((error: unknown) => {
        throw error;
      });
    }
  }

  #dropUnawaited(): void {
    const over = this.#waiting.filter(({ deadline }) => deadline?.over === true);
    for (const waiter of over) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.reject(waiter.deadline?.reason);
    }
  }

  /** Never rejects. */
  async #run(batch: readonly Waiter<Item, Outcome>[]): Promise<void> {
    const begin = performance.now();
    try {
      const outcomes = await this.#work(batch.map((waiter) => waiter.item));
      const itemMs = (performance.now() - begin) / batch.length;
      this.#itemMs = this.#itemMs === undefined ? itemMs : this.#itemMs + WEIGHT * (itemMs - this.#itemMs);
      for (const [at, waiter] of batch.entries()) {
        const outcome = outcomes[at];
        if (outcome === undefined) waiter.reject(new Error('a batch gave no outcome for one of its items'));
        else waiter.resolve(outcome);
      }
    } catch (error) {
      for (const waiter of batch) waiter.reject(error);
    } finally {
      this.#running--;
      this.#start();
    }
  }
}
