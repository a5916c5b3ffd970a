import { CofferError } from '@coffer/base';
import type { EngineContext } from './engine.ts';
import type { Entries } from './entry-storage.ts';
import { loggedName } from './names.ts';
import { isLockedOut, LOGIN_FAILURES, type LoginFailures, STRANGER_FAILURES, strangerOf } from './user-lockout.ts';

type GuardedMount = Pick<EngineContext, 'mount' | 'storage' | 'userLockout' | 'logger'>;

/** Whoever says that they are `name`, which may be nobody's. */
export interface LoginAttempt {
  readonly name: string;
  readonly exists: boolean;
}

interface Counter {
  readonly failures: Entries<LoginFailures>;
  readonly key: string;
  readonly digest: string;
}

/**
 * Locks out the users of one mount who are being guessed at. Failures are counted in the store, one after the other, so that all
 * nodes together answer no more guesses than the threshold, however many come at once; a right one counts for nothing once
 * the user is locked out, even if it came before. Names that no user has are counted and locked out by the same steps, on every
 * node, so that neither an answer nor its time tells whose name it is.
 */
export class LoginGuard {
  readonly #mount: GuardedMount;
  readonly #users: Entries<LoginFailures>;
  readonly #strangers: Entries<LoginFailures>;

  constructor(mount: GuardedMount) {
    this.#mount = mount;
    this.#users = mount.storage.of(LOGIN_FAILURES.prefix, LOGIN_FAILURES.kind);
    this.#strangers = mount.storage.of(STRANGER_FAILURES.prefix, STRANGER_FAILURES.kind);
  }

  /** @throws CofferError `permission-denied` when the user is locked out */
  async check(attempt: LoginAttempt): Promise<void> {
    const lockout = this.#mount.userLockout();
    if (lockout.disabled) return;
    if (isLockedOut(await this.#failuresOf(this.#counterOf(attempt)), lockout)) throw lockedOut();
  }

  /** To be called once the user has proven who they are. @throws CofferError as {@link check}: they may be locked out by now */
  async passed(attempt: LoginAttempt): Promise<void> {
    const lockout = this.#mount.userLockout();
    if (lockout.disabled) return;
    const { failures, key } = this.#counterOf(attempt);
    const found = await failures.read(key);
    if (isLockedOut(found?.value, lockout)) throw lockedOut();
    if (found !== undefined) await failures.deleteWhile(key, [found.unchanged]);
  }

  /** Counts a failure. Returns what to answer: `error`, or that the user is locked out, which tells nothing of the guess. */
  async failed(attempt: LoginAttempt, error: CofferError): Promise<CofferError> {
    if (this.#mount.userLockout().disabled) return error;
    const counted = await this.#count(this.#counterOf(attempt));
    if (counted === undefined) return lockedOut();
    this.#report(attempt.name, counted);
    return error;
  }

  #counterOf({ name, exists }: LoginAttempt): Counter {
    if (exists) return { failures: this.#users, key: name, digest: '' };
    const { number, digest } = strangerOf(this.#mount.mount().uuid, name);
    return { failures: this.#strangers, key: number, digest };
  }

  async #failuresOf({ failures, key, digest }: Counter): Promise<LoginFailures | undefined> {
    const found = await failures.get(key);
    return found?.digest === digest ? found : undefined;
  }

  /** Returns undefined when the user is locked out already. */
  async #count(counter: Counter): Promise<LoginFailures | undefined> {
    const { failures, key, digest } = counter;
    for (;;) {
      if (isLockedOut(await this.#failuresOf(counter), this.#mount.userLockout())) return undefined;
      let next: LoginFailures | undefined;
      const before = await failures.update(key, (present) => {
        next = this.#after(present.digest === digest ? present : undefined, digest);
        return next ?? present;
      });
      if (before !== undefined) return next;
      next = this.#after(undefined, digest);
      if (next !== undefined && (await failures.add(key, next))) return next;
    }
  }

  /** With one failure more; undefined when the user is locked out. */
  #after(failures: LoginFailures | undefined, digest: string): LoginFailures | undefined {
    const lockout = this.#mount.userLockout();
    const last = Date.now();
    if (isLockedOut(failures, lockout, last)) return undefined;
    // One that was locked out, and is not any more, starts anew.
    const counts = failures !== undefined && last - failures.last < lockout.counterResetMs;
    return { count: counts && failures.count < lockout.threshold ? failures.count + 1 : 1, last, digest };
  }

  #report(name: string, { count, last }: LoginFailures): void {
    const { threshold, durationMs } = this.#mount.userLockout();
    if (count < threshold) return;
    this.#mount.logger.warn('a user is locked out after failed logins', {
      ...{ name: loggedName(name), failures: count, until: new Date(last + durationMs).toISOString() },
    });
  }
}

function lockedOut(): CofferError {
  return new CofferError('permission-denied', 'permission denied');
}
