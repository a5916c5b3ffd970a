/**
 * How long ago something was, for whoever must not take it for later than it was. The monotonic clock goes on while a process
 * is stopped, but stands still while its machine sleeps; the wall clock does not, but may be set back: the longer time counts.
 */
export class Elapsed {
  readonly #monotonic = performance.now();
  readonly #wall = Date.now();

  /** In milliseconds. */
  get ms(): number {
    return Math.round(Math.max(performance.now() - this.#monotonic, Date.now() - this.#wall));
  }
}
