import { Deadline, whileAwaited, withDeadline } from '@coffer/base';
import type { SealRecord, SealRows } from './seal-rows.ts';

/** How long the status of a sealed server waits for the store, in milliseconds. */
const STATUS_MS = 2_000;

/** What the store says about the seal, or what it said last: a status request must not wait for a store that hangs. */
export class SeenRecord {
  readonly #rows: SealRows;
  #last: SealRecord | undefined;
  /** How many looks were begun, and which of them saw what is remembered. */
  #looks = 0;
  #lastLook = 0;

  constructor(rows: SealRows) {
    this.#rows = rows;
  }

  /** Remembers what we have written ourselves. */
  saw(record: SealRecord): void {
    this.#note(++this.#looks, record);
  }

  async read(): Promise<SealRecord | undefined> {
    const look = ++this.#looks;
    try {
      this.#note(look, await withDeadline(new Deadline(STATUS_MS), () => whileAwaited(this.#rows.read())));
    } catch (error) {
      if (this.#last === undefined) throw error;
    }
    return this.#last;
  }

  /** An answer is ignored once a later look has been answered. */
  #note(look: number, record: SealRecord | undefined): void {
    if (look < this.#lastLook) return;
    this.#lastLook = look;
    this.#last = record;
  }
}
