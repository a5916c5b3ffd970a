import type { JsonObject } from '@coffer/base';

/**
 * `open`: what `value` says is about to happen, may have happened already; whoever finds it unclaimed finishes it.
 * `settled`: nothing is under way; the row waits for its next time.
 */
export const INTENT_STATES = ['open', 'settled'] as const;
export type IntentState = (typeof INTENT_STATES)[number];

/** The durable row of one login whose password is ours to change (DESIGN invariant 1). Times: milliseconds since 1970. */
export interface Intent {
  /** What errors call it: `intents/MOUNT/static/NAME`. */
  readonly row: string;
  /** What the row belongs to, unique in its mount: `static/NAME`, `root/NAME`. */
  readonly subject: string;
  /** The login, unique in its mount as well: there is one row for a login, so only one change of it at a time. */
  readonly login: string;
  readonly state: IntentState;
  /** When it is due: to be finished when open, to be begun when settled. Null: never by itself. */
  readonly nextAttempt: number | null;
  /** Failed attempts since the last success. */
  readonly attempts: number;
  readonly lastError: string | null;
  /** Sealed: may hold passwords. */
  readonly value: JsonObject;
}

export type NewIntent = Pick<Intent, 'subject' | 'login' | 'state' | 'value'>;
export type IntentChange = Partial<Omit<Intent, 'row' | 'subject' | 'login'>>;

/** A row that nobody else may touch. Each change is refused once the claim was lost. */
export interface ClaimedIntent extends Intent {
  /** The worker before did not give its claim back: nobody knows what became of what it had sent, and it may still land. */
  readonly outcomeUnknown: boolean;
  /** Writes a change (of one field at least), keeps the claim, and returns the row as it is then. @throws CofferError `unavailable`: claim lost */
  save(change: IntentChange): Promise<ClaimedIntent>;
  /** Removes the row. @throws CofferError `unavailable` when the claim was lost */
  remove(): Promise<void>;
}

/** The intents of one mount. */
export interface Intents {
  get(subject: string): Promise<Intent | undefined>;
  /** The row of a login, whatever it belongs to. */
  ofLogin(login: string): Promise<Intent | undefined>;
  /**
   * Makes a row and runs `work` with the claim on it. Undefined when subject or login have a row already.
   * The claim is kept alive while `work` runs and given back after it.
   */
  create<T>(intent: NewIntent, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined>;
  /** As {@link create} with an existing row; undefined when there is none or somebody else is at it. */
  claim<T>(subject: string, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined>;
  /** The subjects that are due and that nobody is at, the most overdue first. */
  due(now: number, limit: number): Promise<string[]>;
  /** When the next row that nobody is at is due. */
  nextDue(): Promise<number | undefined>;
  /** Removes every row of the mount. */
  clear(): Promise<void>;
}
