/** As much of an AbortSignal as whoever waits needs. */
export interface Leaving {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/**
 * Says once that somebody has left: an AbortController with its signal at a tenth of the cost (4 µs with Node.js 24.21), since there
 * are some with every request and next to nobody ever leaves. Each listener is called once.
 */
export class Departure implements Leaving {
  #aborted = false;
  #listeners: Set<() => void> | undefined;
  #controller: AbortController | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  /** For those who take nothing less. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.#aborted) (this.#listeners ??= new Set()).add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners?.delete(listener);
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#controller?.abort();
    // Some stop listening as others are told.
    for (const listener of this.#listeners ?? []) listener();
    this.#listeners = undefined;
  }
}
