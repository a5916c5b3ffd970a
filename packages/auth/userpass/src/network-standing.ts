/** How long the end of a login is remembered, in milliseconds: of one that failed, and of one that did not. */
const REMEMBERED_MS = { failed: 60 * 60_000, passed: 24 * 60 * 60_000 };
/** Networks that are remembered; of more, those are forgotten that logged in the longest ago. */
const NETWORKS = 4_096;

/**
 * How networks stand by their last login. Whoever guesses is told from whoever logs in by nothing else before the work of a guess is
 * done: those go first who have logged in before, and those last who could not.
 */
export class NetworkStanding {
  /** The latest last. */
  readonly #logins = new Map<string, { readonly hasFailed: boolean; readonly time: number }>();

  /** The higher the better. */
  of(network: string): 0 | 1 | 2 {
    const last = this.#logins.get(network);
    if (last === undefined) return 1;
    const age = performance.now() - last.time;
    if (last.hasFailed) return age < REMEMBERED_MS.failed ? 0 : 1;
    return age < REMEMBERED_MS.passed ? 2 : 1;
  }

  note(network: string, hasFailed: boolean): void {
    this.#logins.delete(network);
    this.#logins.set(network, { hasFailed, time: performance.now() });
    if (this.#logins.size <= NETWORKS) return;
    const [oldest] = this.#logins.keys();
    if (oldest !== undefined) this.#logins.delete(oldest);
  }
}
