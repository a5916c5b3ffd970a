import type { CofferError, JsonObject } from '@coffer/base';
import type { Condition } from './condition.ts';

/**
 * `open`: what `value` describes is about to happen, or has happened already; whoever finds the row unclaimed finishes it.
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
  /** The login, unique in its mount too: there is one row per login, and so only one change of it at a time. */
  readonly login: string;
  readonly state: IntentState;
  /** When it is due: to be finished if open, to be begun if settled. Null: never automatically. */
  readonly nextAttempt: number | null;
  /** Failed attempts since the last success. */
  readonly attempts: number;
  readonly lastError: string | null;
  /** Encrypted at rest: it may hold passwords. */
  readonly value: JsonObject;
}

export type NewIntent = Pick<Intent, 'subject' | 'login' | 'state' | 'value'>;
export type IntentChange = Partial<Omit<Intent, 'row' | 'subject' | 'login'>>;

/** A row that nobody else may touch. Every change is refused once the claim is lost. */
export interface ClaimedIntent extends Intent {
  /** The previous worker did not give its claim back: nobody knows the outcome of what it had sent, which may still land. */
  readonly outcomeUnknown: boolean;
  /** With {@link outcomeUnknown}: the `PROCESS_ID` of the previous worker, where it is certain that this process has ended. */
  readonly deadProcess?: string;
  /** That the claim is held: for whatever is written because of it elsewhere. */
  readonly held: Condition;
  /** `unavailable`: what to reject with when {@link held} does not hold. */
  readonly lost: () => CofferError;
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
   * Creates a row and runs `work` with the claim on it. Undefined when the subject or the login has a row already.
   * The claim is kept alive while `work` runs, and given back afterwards. `work` runs under it: see `requireClaim`.
   */
  create<T>(intent: NewIntent, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined>;
  /** Like {@link create}, with an existing row. Undefined when there is none, or somebody else has claimed it. */
  claim<T>(subject: string, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined>;
  /** The subjects that are due and that nobody has claimed, the most overdue first. */
  due(now: number, limit: number): Promise<string[]>;
  /** When the next row that nobody has claimed is due. */
  nextDue(): Promise<number | undefined>;
  /** Removes every row of the mount. */
  clear(): Promise<void>;
}
