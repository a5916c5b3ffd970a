/** How often a process that runs looks at the clock, in milliseconds. */
const LOOK_MS = 500;
/** A look that comes so much later was kept waiting by more than other work, in milliseconds. */
const LONG_MS = 1_500;

/**
 * Whether this process has just stood still: stopped, suspended with its machine, or kept from the processor. What has arrived meanwhile
 * waits in the kernel, while every timer finds its time over: it is not the peer then that was slow.
 */
export class Standstill {
  readonly #timer: NodeJS.Timeout;
  #lastLook = performance.now();
  #end = Number.NEGATIVE_INFINITY;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  get isJustOver(): boolean {
    this.#look();
    return performance.now() - this.#end < LOOK_MS;
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#lastLook > LONG_MS) this.#end = now;
    this.#lastLook = now;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
