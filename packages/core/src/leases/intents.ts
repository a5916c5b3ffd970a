import { CofferError, type JsonObject, PROCESS_ID, randomBase62 } from '@coffer/base';
import type { SqlResult, SqlRow, SqlStatement, SqlValue, Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import {
  type ClaimedIntent,
  INTENT_STATES,
  type Intent,
  type IntentChange,
  type Intents,
  type NewIntent,
  stored,
} from '@coffer/framework';

/** A claim's length in milliseconds, by the store's clock: nodes need not agree on the time. Whoever works longer renews it, so a dead worker blocks nobody for longer. */
const CLAIM_MS = 20_000;
const HEARTBEAT_MS = 5_000;
/** How long nobody looks again at a row that cannot be read, in milliseconds. */
const DAMAGED_MS = 300_000;

const { entry, integer, nullable, object, oneOf, string } = stored;
const INTENT = entry<Intent>({
  row: string(),
  subject: string(),
  login: string(),
  state: oneOf(INTENT_STATES),
  nextAttempt: nullable(integer()),
  attempts: integer(),
  lastError: nullable(string()),
  value: object(),
});

type ClaimedRow = Intent & Pick<ClaimedIntent, 'outcomeUnknown' | 'deadProcess'>;

/** What the claim on a row that was taken over ends with, for whoever claims it to read. */
const TAKEN_OVER = ' taken over';
/** What separates the process from the rest of a claim. */
const BY = ' ';
const COLUMNS = 'subject, login, state, next_attempt, attempts, last_error, value';

export class MountIntents implements Intents {
  readonly #store: Store;
  readonly #barrier: Barrier;
  readonly #mount: string;

  /** `mount`: its uuid. */
  constructor(store: Store, barrier: Barrier, mount: string) {
    this.#store = store;
    this.#barrier = barrier;
    this.#mount = mount;
  }

  async get(subject: string): Promise<Intent | undefined> {
    return this.#find('subject', subject);
  }

  async ofLogin(login: string): Promise<Intent | undefined> {
    return this.#find('login', login);
  }

  async create<T>(intent: NewIntent, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined> {
    const { subject, login, state, value } = intent;
    const claim = newClaim();
    const now = Date.now();
    const { changes } = await this.#store.run(
      `INSERT INTO intents (mount, subject, login, state, claim, claimed_until, next_attempt, attempts, last_error, value)
       VALUES ($1, $2, $3, $4, $5, store_now() + $6, $7, 0, NULL, $8) ON CONFLICT DO NOTHING`,
      [this.#mount, subject, login, state, claim, CLAIM_MS, now, this.#seal(subject, value)],
    );
    if (changes === 0) return undefined;
    const row = this.#place(subject);
    const made: Intent = { row, subject, login, state, value, nextAttempt: now, attempts: 0, lastError: null };
    return { result: await this.#hold(claim, { ...made, outcomeUnknown: false }, work) };
  }

  async claim<T>(subject: string, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined> {
    const claim = newClaim();
    const take: SqlStatement = {
      sql: `UPDATE intents SET claim = CASE claim WHEN '' THEN $3 ELSE $5 END, claimed_until = store_now() + $4
       WHERE mount = $1 AND subject = $2 AND claimed_until <= store_now() RETURNING claim, ${COLUMNS}`,
      params: [this.#mount, subject, claim, CLAIM_MS, claim + TAKEN_OVER],
    };
    const former: SqlStatement = {
      sql: 'SELECT claim FROM intents WHERE mount = $1 AND subject = $2',
      params: [this.#mount, subject],
    };
    const results = await this.#store.transaction(this.#store.exclusive ? [former, take] : [take]);
    const found = results.at(-1)?.rows[0];
    if (found === undefined) return undefined;
    const mine = String(found['claim']);
    const row = await this.#claimedRow(subject, found);
    const outcomeUnknown = mine.endsWith(TAKEN_OVER);
    const dead = outcomeUnknown ? deadProcess(results) : undefined;
    return { result: await this.#hold(mine, { ...row, outcomeUnknown, ...dead }, work) };
  }

  async due(now: number, limit: number): Promise<string[]> {
    const { rows } = await this.#store.run(
      `SELECT subject FROM intents WHERE next_attempt <= $1 AND claimed_until <= store_now() AND mount = $2
       ORDER BY next_attempt LIMIT $3`,
      [now, this.#mount, limit],
    );
    return rows.map((row) => String(row['subject']));
  }

  async nextDue(): Promise<number | undefined> {
    const { rows } = await this.#store.run(
      `SELECT next_attempt FROM intents WHERE next_attempt IS NOT NULL AND claimed_until <= store_now() AND mount = $1
       ORDER BY next_attempt LIMIT 1`,
      [this.#mount],
    );
    return rows[0] === undefined ? undefined : Number(rows[0]['next_attempt']);
  }

  async clear(): Promise<void> {
    await this.#store.run('DELETE FROM intents WHERE mount = $1', [this.#mount]);
  }

  async #find(column: 'subject' | 'login', value: string): Promise<Intent | undefined> {
    const { rows } = await this.#store.run(`SELECT ${COLUMNS} FROM intents WHERE mount = $1 AND ${column} = $2`, [
      this.#mount,
      value,
    ]);
    return rows[0] === undefined ? undefined : this.#fromRow(rows[0]);
  }

  async #hold<T>(claim: string, row: ClaimedRow, work: (claimed: ClaimedIntent) => Promise<T>): Promise<T> {
    const beats = new Set<Promise<unknown>>();
    const mine = [this.#mount, row.subject, claim];
    const timer = setInterval(() => {
      const beat: Promise<unknown> = this.#store
        .run('UPDATE intents SET claimed_until = store_now() + $4 WHERE mount = $1 AND subject = $2 AND claim = $3', [
          ...mine,
          CLAIM_MS,
        ])
        // The store is away: the claim runs out, and the next change says so.
        .catch(() => undefined)
        .finally(() => beats.delete(beat));
      beats.add(beat);
    }, HEARTBEAT_MS);
    try {
      return await work(this.#claimed(claim, row));
    } finally {
      clearInterval(timer);
      await Promise.all(beats);
      await this.#store.run(
        "UPDATE intents SET claim = '', claimed_until = 0 WHERE mount = $1 AND subject = $2 AND claim = $3",
        mine,
      );
    }
  }

  /** One that cannot be read stays claimed for a while: whoever does what is due must not come back to it at once. */
  async #claimedRow(subject: string, row: SqlRow): Promise<Intent> {
    try {
      return this.#fromRow(row);
    } catch (thrown) {
      await this.#store.run(
        'UPDATE intents SET claimed_until = store_now() + $4 WHERE mount = $1 AND subject = $2 AND claim = $3',
        [this.#mount, subject, row['claim'] ?? '', DAMAGED_MS],
      );
      throw thrown;
    }
  }

  #claimed(claim: string, row: ClaimedRow): ClaimedIntent {
    const mine = [this.#mount, row.subject, claim];
    return {
      ...row,
      save: async (change) => {
        const columns = this.#columns(row.subject, change);
        const assignments = columns.map(([name], index) => `${name} = $${index + mine.length + 1}`).join(', ');
        const { changes } = await this.#store.run(
          `UPDATE intents SET ${assignments} WHERE mount = $1 AND subject = $2 AND claim = $3`,
          [...mine, ...columns.map(([, value]) => value)],
        );
        if (changes === 0) throw claimLost(row);
        return this.#claimed(claim, { ...row, ...change });
      },
      remove: async () => {
        const { changes } = await this.#store.run(
          'DELETE FROM intents WHERE mount = $1 AND subject = $2 AND claim = $3',
          mine,
        );
        if (changes === 0) throw claimLost(row);
      },
    };
  }

  /** Only what changes is written: a caller with an older picture of the row takes nothing back. */
  #columns(subject: string, change: IntentChange): (readonly [string, SqlValue])[] {
    const { state, nextAttempt, attempts, lastError, value } = change;
    const columns: (readonly [string, SqlValue | undefined])[] = [
      ['state', state],
      ['next_attempt', nextAttempt],
      ['attempts', attempts],
      ['last_error', lastError],
      ['value', value && this.#seal(subject, value)],
    ];
    return columns.filter((column): column is readonly [string, SqlValue] => column[1] !== undefined);
  }

  #seal(subject: string, value: JsonObject): Uint8Array {
    return this.#barrier.seal(this.#place(subject), value);
  }

  #place(subject: string): string {
    return `intents/${this.#mount}/${subject}`;
  }

  #fromRow(row: SqlRow): Intent {
    const place = this.#place(String(row['subject']));
    return INTENT(
      {
        row: place,
        subject: row['subject'],
        login: row['login'],
        state: row['state'],
        nextAttempt: row['next_attempt'],
        attempts: row['attempts'],
        lastError: row['last_error'],
        value: this.#barrier.open(place, row['value']),
      },
      place,
    );
  }
}

function claimLost({ subject }: Intent): CofferError {
  return new CofferError('unavailable', `${subject} was taken over by another worker, which finishes what was begun`);
}

function newClaim(): string {
  return `${PROCESS_ID}${BY}${randomBase62(20)}`;
}

/** Who made the claim before, if that was looked up: where no two processes have the store open, and it was another one. */
function deadProcess([former, taken]: readonly SqlResult[]): { readonly deadProcess: string } | undefined {
  if (taken === undefined) return undefined;
  const [process = '', ...rest] = String(former?.rows[0]?.['claim']).split(BY);
  return rest.length === 0 || process === PROCESS_ID ? undefined : { deadProcess: process };
}
