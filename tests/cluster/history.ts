/** What the clients saw of one key, in the order of real time, and whether it can be explained. */
import { type Event, type Operation, RegisterCheck, TooManyExplanations, type Value } from './linearizable.ts';

/** Events that are kept for whoever looks for the cause of a violation. */
const KEPT_EVENTS = 120;
/** So many before they are checked, if nothing is under way. */
const EVENTS_A_CHECK = 60;

export interface Answered {
  readonly what?: string;
  readonly accepts?: Operation['accepts'];
  /** False: it was answered that nothing was changed. */
  readonly changed?: boolean;
}

/** One request under way. Exactly one of these is called, once. */
export interface Pending {
  answered(answer?: Answered): void;
  /** No answer, or one that says nothing about what has happened. */
  unknown(): void;
}

interface Recorded {
  what: string;
  accepts?: Operation['accepts'];
  becomes?: Operation['becomes'];
}

interface Moment extends Event {
  readonly at: Date;
}

export class History {
  readonly key: string;
  readonly #check: RegisterCheck;
  readonly #report: (violation: string) => void;
  #events: Moment[] = [];
  #before: Moment[] = [];
  #open = 0;
  #broken = false;
  /** Operations that were found explained. */
  checked = 0;
  /** Whether a check was given up. */
  undecided = false;

  /** @param report is told of what cannot be explained, with what led to it; at most once */
  constructor(key: string, report: (violation: string) => void, initial: Value = undefined) {
    this.key = key;
    this.#report = report;
    this.#check = new RegisterCheck(initial);
  }

  /** @param becomes what it leaves when it has an effect; absent for who only looks */
  invoke(what: string, becomes?: { readonly value: Value }): Pending {
    const operation: Recorded = { what, becomes };
    const end = (type: Event['type']): void => {
      this.#open -= 1;
      this.#events.push({ at: new Date(), type, operation });
      if (this.#open === 0 && this.#events.length >= EVENTS_A_CHECK) this.check();
    };
    this.#open += 1;
    this.#events.push({ at: new Date(), type: 'invoked', operation });
    return {
      answered: (answer = {}) => {
        operation.what = answer.what === undefined ? what : `${what}: ${answer.what}`;
        operation.accepts = answer.accepts;
        if (answer.changed === false) operation.becomes = undefined;
        end('answered');
      },
      unknown: () => end('unknown'),
    };
  }

  /** Looks at what came since the last time. Not while something is under way. */
  check(): void {
    if (this.#broken) return;
    const events = this.#events;
    this.#events = [];
    const shown = [...this.#before, ...events];
    this.#before = shown.slice(-KEPT_EVENTS);
    try {
      const unexplained = this.#check.goOn(events);
      if (unexplained === undefined) {
        this.checked += events.filter(({ type }) => type === 'answered').length;
        return;
      }
      this.#broken = true;
      const last = shown.findIndex(({ type, operation }) => type === 'answered' && operation === unexplained);
      this.#report(`${this.key} is not linearizable: ${unexplained.what}\n${told(shown.slice(0, last + 1))}`);
    } catch (error) {
      if (!(error instanceof TooManyExplanations)) throw error;
      this.#broken = true;
      this.undecided = true;
    }
  }

  /** What the register may hold after all that was checked. */
  get values(): ReadonlySet<Value> {
    return this.#check.values;
  }
}

function told(events: readonly Moment[]): string {
  return events
    .slice(-KEPT_EVENTS)
    .map(({ at, type, operation }) => `  ${at.toISOString().slice(11, 23)} ${type.padEnd(8)} ${operation.what}`)
    .join('\n');
}
