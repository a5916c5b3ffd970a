/** How long a statement may go unanswered before we see whether the node still answers anything. */
const QUIET_MS = 1_000;
/** How long its node may leave a knock unanswered before others are suspected as well. */
const SUSPICIOUS_MS = 1_000;
/** How often we knock while one statement takes its time. */
const AGAIN_MS = 5_000;

export interface SilenceWatchOptions {
  /** Whether the node answers anything at all; takes a while to say no. Must not reject. */
  readonly knock: () => Promise<boolean>;
  /** The node is slow to answer a knock. */
  readonly onSuspicion: () => void;
  /** The node has not answered. */
  readonly onSilence: () => void;
}

/**
 * Tells a slow statement from a node that is gone, which statement_timeout alone would do far too late: while an answer is
 * awaited, it looks whether the node still answers anything.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #awaited = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
  }

  /** A request has been sent. */
  sent(): void {
    if (this.#awaited++ === 0) this.#look(QUIET_MS);
  }

  /** A request has been answered, or never will be. */
  answered(): void {
    this.#awaited--;
    clearTimeout(this.#timer);
    if (this.#awaited > 0) this.#look(QUIET_MS);
  }

  #look(milliseconds: number): void {
    const timer = setTimeout(() => {
      this.#knock(timer).catch((error: unknown) => {
        throw error;
      });
    }, milliseconds).unref();
    this.#timer = timer;
  }

  async #knock(timer: NodeJS.Timeout): Promise<void> {
    const { knock, onSuspicion, onSilence } = this.#options;
    const suspicion = setTimeout(() => {
      if (this.#timer === timer) onSuspicion();
    }, SUSPICIOUS_MS).unref();
    const alive = await knock();
    clearTimeout(suspicion);
    // Answered meanwhile: then this is about another request, or about none.
    if (this.#timer !== timer || this.#awaited === 0) return;
    if (alive) this.#look(AGAIN_MS);
    else onSilence();
  }
}
