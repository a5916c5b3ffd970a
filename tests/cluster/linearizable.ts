/**
 * Whether what was seen of one key can be explained by a register that does one thing after the other, each at one moment
 * between its invocation and its answer: linearizability (Herlihy and Wing 1990).
 *
 * The search is that of Wing and Gong (1993) in the order of Lowe (2017, "Testing for linearizability"): nothing is put into
 * order before something that was answered asks for it. What got no answer may take effect at any later moment, or never.
 */

/** `undefined`: there is none. */
export type Value = string | undefined;

export interface Operation {
  /** For whoever reads a violation: "client 3 at node 1: write 17". */
  readonly what: string;
  /** Whether it can have happened, as it was answered, while the register held this. Absent: always. */
  readonly accepts?: ((value: Value) => boolean) | undefined;
  /** What it leaves in the register. Absent: it only reads. */
  readonly becomes?: { readonly value: Value } | undefined;
}

/** In the order of real time. `unknown`: it ends without an answer. */
export interface Event {
  readonly type: 'invoked' | 'answered' | 'unknown';
  readonly operation: Operation;
}

/** One way in which everything until now can be explained. */
interface Explanation {
  readonly value: Value;
  /** What has taken effect, of what is under way or has no answer. */
  readonly done: ReadonlySet<Operation>;
}

/** Beyond this many at once the check gives up, which a caller counts: no key of ours comes near. */
const MOST_EXPLANATIONS = 50_000;

export class TooManyExplanations extends Error {}

/** What can have become of a register, as far as events have been told. */
export class RegisterCheck {
  readonly #open = new Set<Operation>();
  readonly #unknown = new Set<Operation>();
  readonly #numbers = new Map<Operation, number>();
  #next = 0;
  #explanations: readonly Explanation[];

  constructor(initial: Value = undefined) {
    this.#explanations = [{ value: initial, done: new Set() }];
  }

  /**
   * Goes on with what happened next. All that is invoked in `events` also ends in it.
   *
   * @returns the first operation whose answer nothing explains; the check is of no use afterwards
   * @throws TooManyExplanations
   */
  goOn(events: readonly Event[]): Operation | undefined {
    for (const { type, operation } of events) {
      if (type === 'invoked') {
        this.#open.add(operation);
        this.#numbers.set(operation, this.#next++);
      } else if (type === 'unknown') {
        this.#open.delete(operation);
        // Who only reads, unanswered, tells nothing.
        if (operation.becomes !== undefined) this.#unknown.add(operation);
      } else if (!this.#answered(operation)) return operation;
    }
    this.#forget();
    return undefined;
  }

  /** What the register may hold now. */
  get values(): ReadonlySet<Value> {
    return new Set(this.#explanations.map(({ value }) => value));
  }

  #answered(operation: Operation): boolean {
    const found = this.#untilDone(operation);
    this.#open.delete(operation);
    this.#explanations = this.#best(
      found.map(({ value, done }) => ({ value, done: new Set([...done].filter((other) => other !== operation)) })),
    );
    return found.length > 0;
  }

  /** Every way in which `operation` has taken effect, with whatever had to come before it. */
  #untilDone(operation: Operation): Explanation[] {
    const found: Explanation[] = [];
    const seen = new Set<string>();
    const left = this.#explanations.map((explanation) => this.#withReads(explanation));
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      const key = this.#key(one);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > MOST_EXPLANATIONS) throw new TooManyExplanations(operation.what);
      if (one.done.has(operation)) {
        found.push(one);
        continue;
      }
      for (const next of this.#candidates(one)) {
        const value = next.becomes === undefined ? one.value : next.becomes.value;
        left.push(this.#withReads({ value, done: new Set([...one.done, next]) }));
      }
    }
    return found;
  }

  /** A read that fits takes nothing from anybody: it is done at once. */
  #withReads({ value, done }: Explanation): Explanation {
    const fitting = [...this.#open].filter(
      (one) => one.becomes === undefined && !done.has(one) && (one.accepts?.(value) ?? true),
    );
    return fitting.length === 0 ? { value, done } : { value, done: new Set([...done, ...fitting]) };
  }

  #candidates({ value, done }: Explanation): Operation[] {
    const possible = (one: Operation): boolean => one.accepts?.(value) ?? true;
    const open = [...this.#open].filter((one) => !done.has(one));
    const changes = open.filter((one) => one.becomes !== undefined && possible(one));
    return [
      ...changes,
      ...this.#helpers(
        open.filter((one) => !possible(one)),
        possible,
        done,
      ),
    ];
  }

  /**
   * What was never answered is of use only directly before something that it makes possible: otherwise it can come later. So
   * it is looked for from its end, from what waits for something else to be done first.
   */
  #helpers(
    waiting: readonly Operation[],
    possible: (one: Operation) => boolean,
    done: ReadonlySet<Operation>,
  ): Operation[] {
    const wanting = [...waiting];
    const unknown = wanting.length === 0 ? [] : alikeOnce([...this.#unknown].filter((one) => !done.has(one)));
    const found: Operation[] = [];
    for (let one = wanting.pop(); one !== undefined; one = wanting.pop()) {
      for (const helper of unknown) {
        if (found.includes(helper) || !(one.accepts?.(helper.becomes?.value) ?? true)) continue;
        found.push(helper);
        if (!possible(helper)) wanting.push(helper);
      }
    }
    return found.filter(possible);
  }

  /** Without those that leave less open than another one does. */
  #best(explanations: readonly Explanation[]): Explanation[] {
    const groups = new Map<string, Explanation[]>();
    for (const one of explanations) {
      const open = new Set([...one.done].filter((operation) => this.#open.has(operation)));
      const key = this.#key({ value: one.value, done: open });
      const group = groups.get(key) ?? [];
      if (group.some(({ done }) => isWithin(done, one.done))) continue;
      groups.set(key, [...group.filter(({ done }) => !isWithin(one.done, done)), one]);
    }
    return [...groups.values()].flat();
  }

  /** What has no answer and was done in every explanation cannot be done again. */
  #forget(): void {
    for (const operation of this.#unknown) {
      if (this.#explanations.every(({ done }) => done.has(operation))) {
        this.#unknown.delete(operation);
        this.#explanations = this.#explanations.map(({ value, done }) => ({
          value,
          done: new Set([...done].filter((other) => other !== operation)),
        }));
      }
    }
    for (const operation of this.#numbers.keys()) if (!this.#unknown.has(operation)) this.#numbers.delete(operation);
  }

  #key({ value, done }: Explanation): string {
    const numbers = [...done].map((operation) => this.#numbers.get(operation) ?? -1).sort((a, b) => a - b);
    return `${value === undefined ? '' : `=${value}`} ${numbers.join(' ')}`;
  }
}

/** One of each kind: those that ask for the same and leave the same can stand in for each other. */
function alikeOnce(operations: readonly Operation[]): Operation[] {
  const kinds = new Map<Operation['accepts'], Map<Value, Operation>>();
  for (const one of operations) {
    const values = kinds.get(one.accepts) ?? new Map<Value, Operation>();
    kinds.set(one.accepts, values.set(one.becomes?.value, one));
  }
  return [...kinds.values()].flatMap((values) => [...values.values()]);
}

function isWithin(few: ReadonlySet<Operation>, many: ReadonlySet<Operation>): boolean {
  return few.size <= many.size && [...few].every((one) => many.has(one));
}
