import { Failure } from '../session/failure.ts';

/** For so long at most a search that found nobody spares others theirs. */
const IN_VAIN_MS = 1_000;

/** Whoever waited for a search in a queue need not search as long again. */
export class InVain {
  /** The last search that found nobody, and until when it counts. */
  #last = { failure: new Failure('unreachable', ''), until: 0 };

  /**
   * Runs `search`, which was asked for at `since` (milliseconds).
   *
   * @throws Failure what the last one failed with, if that was a moment ago; otherwise what `search` rejects with
   */
  async search<T>(since: number, search: () => Promise<T>): Promise<T> {
    if (since < this.#last.until) throw this.#last.failure;
    try {
      return await search();
    } catch (error) {
      if (error instanceof Failure && error.kind === 'unreachable') this.#note(error, since);
      throw error;
    }
  }

  /** A short search says nothing about the next moment. */
  #note(failure: Failure, since: number): void {
    const now = Date.now();
    this.#last = { failure, until: now + Math.min(IN_VAIN_MS, now - since) };
  }
}
