import { Deadline, whileAwaited, withDeadline } from '@coffer/base';
import type { SealRecord, SealRows } from './seal-rows.ts';

/** How long the status of a sealed server waits for the store, in milliseconds. */
const STATUS_MS = 2_000;

/** What the store says of the seal, or said last: whoever asks for the status must not wait for a store that hangs. */
export class SeenRecord {
  readonly #rows: SealRows;
  #last: SealRecord | undefined;
  /** Looks at the store so far, and which of them what was seen last is from. */
  #looks = 0;
  #lastLook = 0;

  constructor(rows: SealRows) {
    this.#rows = rows;
  }

  /** What is known without a look at the store: what it was made to hold. */
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

  /** An answer that was overtaken by a later one says nothing any more. */
  #note(look: number, record: SealRecord | undefined): void {
    if (look < this.#lastLook) return;
    this.#lastLook = look;
    this.#last = record;
  }
}
