import { CofferError } from '@coffer/base';
import type { EngineContext } from './engine.ts';
import type { Entries } from './entry-storage.ts';
import { loggedName } from './names.ts';
import { isLockedOut, LOGIN_FAILURES, type LoginFailures } from './user-lockout.ts';

/** Names without a user whose failures a process remembers: they must not fill the store. */
const STRANGERS_REMEMBERED = 10_000;

/**
 * Locks out the users of one mount who are being guessed at. Failures are counted in the store, one after the other, so that all
 * nodes together answer no more guesses than the threshold, however many come at once; a right one counts for nothing once
 * the user is locked out, even if it came before. Names that no user has are locked out as well, so that nobody can tell.
 */
export class LoginGuard {
  readonly #context: Pick<EngineContext, 'storage' | 'userLockout' | 'logger'>;
  readonly #failures: Entries<LoginFailures>;
  /** The one that failed longest ago is first. */
  readonly #strangers = new Map<string, LoginFailures>();

  constructor(context: Pick<EngineContext, 'storage' | 'userLockout' | 'logger'>) {
    this.#context = context;
    this.#failures = context.storage.of(LOGIN_FAILURES.prefix, LOGIN_FAILURES.kind);
  }

  /** @throws CofferError `permission-denied` when the user is locked out */
  async check(name: string): Promise<void> {
    const lockout = this.#context.userLockout();
    if (lockout.disabled) return;
    const found = isLockedOut(this.#strangers.get(name), lockout) ? undefined : await this.#failures.get(name);
    if (isLockedOut(found ?? this.#strangers.get(name), lockout)) throw lockedOut();
  }

  /** To be called once the user has proven who they are. @throws CofferError as {@link check}: they may be locked out by now */
  async passed(name: string): Promise<void> {
    const lockout = this.#context.userLockout();
    if (lockout.disabled) return;
    const found = await this.#failures.read(name);
    if (isLockedOut(found?.value, lockout)) throw lockedOut();
    this.#strangers.delete(name);
    if (found !== undefined) await this.#failures.deleteWhile(name, [found.unchanged]);
  }

  /** Counts a failure. Returns what to answer: `error`, or that the user is locked out, which tells nothing of the guess. */
  async failed(name: string, { exists }: { readonly exists: boolean }, error: CofferError): Promise<CofferError> {
    if (this.#context.userLockout().disabled) return error;
    const answered = exists ? await this.#countUser(name) : this.#countStranger(name);
    return answered ? error : lockedOut();
  }

  /** Returns false when the user is locked out already. */
  async #countUser(name: string): Promise<boolean> {
    for (;;) {
      if (isLockedOut(await this.#failures.get(name), this.#context.userLockout())) return false;
      let next: LoginFailures | undefined;
      const before = await this.#failures.update(name, (present) => {
        next = this.#after(present);
        return next ?? present;
      });
      if (before === undefined) {
        next = this.#after(undefined);
        if (next === undefined || !(await this.#failures.add(name, next))) continue;
      }
      if (next === undefined) return false;
      this.#report(name, next);
      return true;
    }
  }

  #countStranger(name: string): boolean {
    const next = this.#after(this.#strangers.get(name));
    if (next === undefined) return false;
    this.#strangers.delete(name);
    this.#strangers.set(name, next);
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size > STRANGERS_REMEMBERED && oldest !== undefined) this.#strangers.delete(oldest);
    this.#report(name, next);
    return true;
  }

  /** With one failure more; undefined when the user is locked out. */
  #after(failures: LoginFailures | undefined): LoginFailures | undefined {
    const lockout = this.#context.userLockout();
    const last = Date.now();
    if (isLockedOut(failures, lockout, last)) return undefined;
    // One that was locked out, and is not any more, starts anew.
    const counts = failures !== undefined && last - failures.last < lockout.counterResetMs;
    return { count: counts && failures.count < lockout.threshold ? failures.count + 1 : 1, last };
  }

  #report(name: string, { count, last }: LoginFailures): void {
    const { threshold, durationMs } = this.#context.userLockout();
    if (count < threshold) return;
    this.#context.logger.warn('a user is locked out after failed logins', {
      ...{ name: loggedName(name), failures: count, until: new Date(last + durationMs).toISOString() },
    });
  }
}

function lockedOut(): CofferError {
  return new CofferError('permission-denied', 'permission denied');
}
