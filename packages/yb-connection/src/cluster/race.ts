import { Failure } from '../session/failure.ts';
import type { Session } from '../session/session.ts';

/** How long we wait for the first sign of a node before we turn to the next one as well. */
const NO_SIGN_MS = 500;
/** The same for a node that failed a moment ago. */
const SET_ASIDE_MS = 100;
/** And for a node that has given a sign, but no connection yet. */
export const AFTER_SIGN_MS = 3_000;
/** After so long no further node is tried, in milliseconds. */
export const SEARCH_MS = 5_000;

export interface Candidate {
  /** Whether it is likely to fail. */
  readonly setAside: boolean;
  /** `onSign` is to be called when the node has answered anything. */
  readonly dial: (onSign: () => void) => Promise<Session>;
}

export interface Race {
  readonly failures: string[];
  /** After this many milliseconds no further node is tried. */
  readonly patienceMs: number;
  /** And after this many nobody waits for those that are being tried. */
  readonly longestMs: number;
}

/** Whether another node may do better. A wrong password is wrong everywhere and must not be tried again. */
export function isElsewhere(error: unknown): error is Failure {
  return error instanceof Failure && (error.nothingDone || error.ofNode);
}

/**
 * Opens a connection to the first candidate that gives one, and undefined if none does. The next one is tried when one has failed,
 * or says nothing for a while: then both run, and the connection that comes too late is closed. So a node that swallows
 * packets costs its callers a moment and not a connect timeout.
 *
 * @throws what a candidate failed with, if another one cannot do better
 */
export function firstOf(
  candidates: Iterator<Candidate, unknown>,
  { failures, patienceMs, longestMs }: Race,
): Promise<Session | undefined> {
  const begin = Date.now();
  return new Promise((resolve, reject) => {
    let running = 0;
    let over = false;
    let latest: NodeJS.Timeout | undefined;
    const end = (settle: () => void): void => {
      over = true;
      clearTimeout(latest);
      clearTimeout(longest);
      settle();
    };
    const longest = setTimeout(() => {
      failures.push(`no connection after ${longestMs / 1000} s`);
      end(() => resolve(undefined));
    }, longestMs);
    const next = (): void => {
      clearTimeout(latest);
      if (over) return;
      const candidate = Date.now() - begin < patienceMs ? nextOf(candidates) : undefined;
      if (candidate === undefined) {
        if (running === 0) end(() => resolve(undefined));
        return;
      }
      running++;
      const timer = setTimeout(next, candidate.setAside ? SET_ASIDE_MS : NO_SIGN_MS);
      latest = timer;
      const onSign = (): void => {
        if (latest !== timer || over) return;
        clearTimeout(timer);
        latest = setTimeout(next, AFTER_SIGN_MS);
      };
      candidate.dial(onSign).then(
        (session) => {
          running--;
          if (over) closeQuietly(session);
          else end(() => resolve(session));
        },
        (error: unknown) => {
          running--;
          if (over) return;
          if (isElsewhere(error)) {
            failures.push(error.message);
            next();
          } else end(() => reject(error instanceof Error ? error : new Error(String(error))));
        },
      );
    };
    next();
  });
}

function nextOf<T>(iterator: Iterator<T, unknown>): T | undefined {
  const next = iterator.next();
  return next.done === true ? undefined : next.value;
}

/** For a connection that nobody waits for: failing to say goodbye has no consequence. */
function closeQuietly(session: Session): void {
  session.close().catch(() => undefined);
}
