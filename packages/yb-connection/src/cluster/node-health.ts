import { backoffMs } from '@coffer/base';
import { Failure } from '../session/failure.ts';
import type { Session } from '../session/session.ts';

/** A node that fails again and again is passed over for longer each time, up to this many seconds. */
const LONGEST_SECONDS = 300;
/** What takes no longer than that is no silence. */
const AT_ONCE_MS = 1_000;

interface NodeState {
  /** Our connections to it. */
  readonly sessions: Set<Session>;
  /** Connections to it that are being opened: what makes each give up. */
  readonly opening: Set<(failure: Failure) => void>;
  /** How often it could not be reached since it last was. */
  failures: number;
  /** When it last could not be reached, in milliseconds; undefined if it has been reached since. */
  failedAt: number | undefined;
  /** The failure came at once, as when it refuses or resets connections: whoever asks again does not wait for the answer. */
  failedAtOnce: boolean;
  /** When it last refused to write, in milliseconds. */
  readOnlyAt: number | undefined;
}

/**
 * What we have seen of each node ourselves: how many connections we have to it, and whether it could be reached. What one
 * caller learns here spares the others the same wait.
 */
export class NodeHealth {
  readonly #states = new Map<string, NodeState>();
  readonly #delaySeconds: number;
  readonly #longestSeconds: number;
  readonly #tell: (failure: Failure) => void;

  /**
   * How long a node is set aside after its first failure, and how long at most after many in a row. `tell`: of one that is there and
   * will not get better by itself, as with a certificate that has expired.
   */
  constructor(delaySeconds: number, longestSeconds: number, tell: (failure: Failure) => void = () => undefined) {
    this.#delaySeconds = delaySeconds;
    this.#longestSeconds = longestSeconds;
    this.#tell = tell;
  }

  load(key: string): number {
    const { sessions, opening } = this.#state(key);
    return sessions.size + opening.size;
  }

  /**
   * Opens a connection to a node and remembers what came of it. Of several who try at one moment, all are told as soon as one
   * knows that the node cannot be reached.
   *
   * @throws what `dial` rejects with, here or for another caller
   */
  async open(key: string, dial: () => Promise<Session>): Promise<Session> {
    const state = this.#state(key);
    const since = Date.now();
    const { promise: told, reject } = Promise.withResolvers<never>();
    let isTold = false;
    const giveUp = (failure: Failure): void => {
      isTold = true;
      reject(failure);
    };
    state.opening.add(giveUp);
    const dialed = dial();
    try {
      const session = await Promise.race([dialed, told]);
      this.add(key, session);
      state.failures = 0;
      state.failedAt = undefined;
      return session;
    } catch (error) {
      // If it comes after all, nobody is there to take it.
      void dialed.then((session) => session.close()).catch(() => undefined);
      // Whoever tells us has noted it, and knows better how long the node was asked.
      if (!isTold && error instanceof Failure && (error.kind === 'unreachable' || error.ofNode)) {
        this.fail(key, error, since);
      }
      throw error;
    } finally {
      state.opening.delete(giveUp);
    }
  }

  /** Counts a connection as one to this node, once however often it is called. */
  add(key: string, session: Session): void {
    const { sessions } = this.#state(key);
    if (sessions.has(session)) return;
    sessions.add(session);
    session.whenClosed(() => sessions.delete(session));
    session.whenReadOnly(() => (this.#state(key).readOnlyAt = Date.now()));
  }

  /** The node could not be reached, which `failure` tells to all who are trying. `since`: when it was asked, in milliseconds. */
  fail(key: string, failure: Failure, since = 0): void {
    const state = this.#state(key);
    // What many callers find out at one moment is one failure.
    if (!this.#hasFailed(key)) {
      state.failures++;
      if (failure.ofNode) this.#tell(failure);
    }
    state.failedAt = Date.now();
    state.failedAtOnce = Date.now() - since < AT_ONCE_MS;
    for (const giveUp of state.opening) giveUp(failure);
    state.opening.clear();
  }

  /** Whether others are to be tried first: it could not be reached, or it refused to write. */
  isSetAside(key: string): boolean {
    const { readOnlyAt } = this.#state(key);
    const readOnly = readOnlyAt !== undefined && Date.now() - readOnlyAt < this.#delaySeconds * 1000;
    return readOnly || this.#hasFailed(key);
  }

  /** The same places, with those that are set aside at the end. */
  last<T>(places: readonly T[], keyOf: (place: T) => string): T[] {
    const rank = (place: T): number => (this.isSetAside(keyOf(place)) ? 1 : 0);
    return places.toSorted((one, other) => rank(one) - rank(other));
  }

  #hasFailed(key: string): boolean {
    return this.#failedWithin(key, this.#delaySeconds, this.#longestSeconds);
  }

  /**
   * Whether the node failed within the last `seconds`, or a multiple of them when it has failed several times in a row, and did
   * not do so at once.
   */
  wasSilentWithin(key: string, seconds: number): boolean {
    return !this.#state(key).failedAtOnce && this.#failedWithin(key, seconds, LONGEST_SECONDS);
  }

  /** Whether it failed at `time` or later, and has not been reached since. */
  failedSince(key: string, time: number): boolean {
    const { failedAt } = this.#state(key);
    return failedAt !== undefined && failedAt >= time;
  }

  /** The node has stopped answering: whoever waits for an answer over one of our connections to it waits in vain. */
  lose(key: string): void {
    this.fail(key, new Failure('unreachable', `node ${key} does not answer`));
    for (const session of [...this.#state(key).sessions]) session.lose();
  }

  /** The cluster lists a dead server for a day (yugabyte-db issue 30851), so the time doubles with each failure. */
  #failedWithin(key: string, seconds: number, longestSeconds: number): boolean {
    const { failedAt, failures } = this.#state(key);
    if (failedAt === undefined) return false;
    const longestMs = Math.max(seconds, longestSeconds) * 1000;
    return Date.now() - failedAt < backoffMs({ firstMs: seconds * 1000, longestMs, jitter: 0 }, failures);
  }

  #state(key: string): NodeState {
    let state = this.#states.get(key);
    if (state === undefined) {
      state = {
        ...{ sessions: new Set(), opening: new Set() },
        ...{ failures: 0, failedAt: undefined, failedAtOnce: false, readOnlyAt: undefined },
      };
      this.#states.set(key, state);
    }
    return state;
  }
}
