import { currentDeadline, type Deadline, withoutDeadline } from '@coffer/base';

export interface BatchLimits {
  /** Batches under way at once. */
  readonly batches: number;
  /** Items of one batch. */
  readonly items: number;
}

interface Waiter<Item, Outcome> {
  readonly item: Item;
  readonly deadline: Deadline | undefined;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts together what waits. An item that comes alone is worked on at once; while as many batches as may be are under
 * way, what comes is kept and shares the next one. No item is ever held back for more to come.
 */
export class Batches<Item, Outcome> {
  readonly #limits: BatchLimits;
  readonly #work: (items: readonly Item[]) => Promise<readonly Outcome[]>;
  readonly #waiting: Waiter<Item, Outcome>[] = [];
  #running = 0;
  #scheduled = false;

  /** `work` gives one outcome for each item, in order; when it rejects, all its items do. */
  constructor(limits: BatchLimits, work: (items: readonly Item[]) => Promise<readonly Outcome[]>) {
    this.#limits = limits;
    this.#work = work;
  }

  /** @throws CofferError `failed` when nobody waited any more before the work on it began; and what `work` rejects with */
  submit(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, deadline: currentDeadline(), resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Requests that came in one packet are taken together.
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
      // Shared out evenly: the work of one batch is done by one server process.
      const share = Math.ceil(this.#waiting.length / (this.#limits.batches - this.#running));
      this.#running++;
      const batch = this.#waiting.splice(0, Math.min(share, this.#limits.items));
      // What is done for many is bounded by nobody's time.
      withoutDeadline(() => this.#run(batch)).catch((error: unknown) => {
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
    try {
      const outcomes = await this.#work(batch.map((waiter) => waiter.item));
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
