import { Deadline, whileAwaited, withDeadline } from '@coffer/base';
import type { SealRecord, SealRows } from './seal-rows.ts';

/** How long the status of a sealed server waits for the store, in milliseconds. */
const STATUS_MS = 2_000;

/** What the store says of the seal, or said last: whoever asks for the status must not wait for a store that hangs. */
export class SeenRecord {
  readonly #rows: SealRows;
  #last: SealRecord | undefined;

  constructor(rows: SealRows) {
    this.#rows = rows;
  }

  async read(): Promise<SealRecord | undefined> {
    try {
      this.#last = await withDeadline(new Deadline(STATUS_MS), () => whileAwaited(this.#rows.read()));
    } catch (error) {
      if (this.#last === undefined) throw error;
    }
    return this.#last;
  }
}
