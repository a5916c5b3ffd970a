/**
 * What is known of the password of one static role. Nobody is told what a rotation sets, so the values are known by who reads
 * them: one that was seen before a rotation began must not be shown after that rotation was answered, and one that was replaced
 * never comes back.
 */

/** A rotation without an answer is finished by the other nodes within this time. */
const SETTLES_MS = 60_000;

interface Sighting {
  /** The end of the first answer that showed it. */
  firstEnd: number;
  /** The beginning of the last request that was shown it. */
  lastStart: number;
}

interface Rotation {
  readonly from: number;
  answered: number | undefined;
  /** Until then its effect may still come. */
  until: number;
}

export class PasswordBook {
  readonly #seen = new Map<string, Sighting>();
  #rotations: Rotation[] = [];
  /** Of the password that was seen last among those that are sure to be replaced. */
  readonly role: string;

  constructor(role: string) {
    this.role = role;
  }

  beginRotation(): { answered(): void; unknown(): void } {
    const rotation: Rotation = { from: performance.now(), answered: undefined, until: Infinity };
    this.#rotations.push(rotation);
    return {
      answered: () => (rotation.answered = rotation.until = performance.now()),
      unknown: () => (rotation.until = performance.now() + SETTLES_MS),
    };
  }

  /** Whether a rotation may have had its effect, or have it still, in a time that began at `from` and is over. */
  mayHaveChanged(from: number): boolean {
    return this.#rotations.some(({ until }) => until >= from);
  }

  /** @param from when the request was sent; it was just answered. @returns what is wrong */
  saw(password: string, from: number): string | undefined {
    const now = performance.now();
    const before = this.#seen.get(password);
    const wrong = before === undefined ? undefined : this.#whatIsWrong(before, from);
    this.#seen.set(password, {
      firstEnd: before?.firstEnd ?? now,
      lastStart: Math.max(before?.lastStart ?? from, from),
    });
    this.#forget(now);
    return wrong;
  }

  #whatIsWrong(before: Sighting, from: number): string | undefined {
    const rotated = this.#rotations.find(
      (rotation) => rotation.from > before.firstEnd && rotation.answered !== undefined && rotation.answered < from,
    );
    if (rotated !== undefined) return 'shows the password from before a rotation that was answered';
    // Another one was shown in between, to somebody who asked after this one was there.
    const others = [...this.#seen.values()].filter(
      (other) => other !== before && other.lastStart > before.firstEnd && other.firstEnd < from,
    );
    return others.length > 0 ? 'shows a password that had been replaced' : undefined;
  }

  #forget(now: number): void {
    const old = now - 10 * SETTLES_MS;
    this.#rotations = this.#rotations.filter(({ until }) => until > old);
    for (const [password, { lastStart }] of this.#seen) if (lastStart < old) this.#seen.delete(password);
  }
}
