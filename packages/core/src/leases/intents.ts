import { type JsonObject, underClaim } from '@coffer/base';
import { runRepeatable, type SqlRow, type SqlValue, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { inParts } from '../barrier/in-parts.ts';
import { ALONE, type NodeLife } from '../nodes/node-life.ts';
import { isDead } from '../nodes/nodes.ts';
import { CLAIMANT_LENGTH, claimantOf, claimLost, HeldClaim } from './claim.ts';
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

/** What the claim on a row that was taken over ends with, and the beginning of the former one, for whoever claims it to read. */
const TAKEN_OVER = ' taken over from ';
const COLUMNS = 'subject, login, state, next_attempt, attempts, last_error, value';

export class MountIntents implements Intents {
  readonly #store: Store;
  readonly #barrier: Barrier;
  readonly #mount: string;
  readonly #node: NodeLife;

  /** `mount`: its uuid. */
  constructor(store: Store, barrier: Barrier, mount: string, node: NodeLife = ALONE) {
    this.#store = store;
    this.#barrier = barrier;
    this.#mount = mount;
    this.#node = node;
  }

  async get(subject: string): Promise<Intent | undefined> {
    return this.#find('subject', subject);
  }

  async ofLogin(login: string): Promise<Intent | undefined> {
    return this.#find('login', login);
  }

  async create<T>(intent: NewIntent, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined> {
    const { subject, login, state, value } = intent;
    const claim = new HeldClaim(this.#node);
    const now = Date.now();
    // Run again, it finds the row that it has made, which has our claim.
    const { changes } = await runRepeatable(
      this.#store,
      `INSERT INTO intents (mount, subject, login, state, claim, claimed_until, next_attempt, attempts, last_error, value)
       VALUES ($1, $2, $3, $4, $5, store_now() + $6, $7, 0, NULL, $8) ON CONFLICT DO NOTHING`,
      [this.#mount, subject, login, state, claim.name, CLAIM_MS, now, this.#seal(subject, value)],
    );
    if (changes === 0 && !(await this.#isClaimed(subject, claim))) return undefined;
    const row = this.#place(subject);
    const made: Intent = { row, subject, login, state, value, nextAttempt: now, attempts: 0, lastError: null };
    return { result: await this.#hold(claim, { ...made, outcomeUnknown: false }, work) };
  }

  async claim<T>(subject: string, work: (claimed: ClaimedIntent) => Promise<T>): Promise<{ result: T } | undefined> {
    const claim = new HeldClaim(this.#node);
    // Run again, it finds its own claim, and what that says of a former one.
    const isMine = 'substr(claim, 1, $7) = $3';
    const { rows } = await runRepeatable(
      this.#store,
      `UPDATE intents SET claim = CASE WHEN ${isMine} THEN claim WHEN claim = '' THEN $3 ELSE $5 || substr(claim, 1, $6) END,
         claimed_until = store_now() + $4
       WHERE mount = $1 AND subject = $2 AND (claimed_until <= store_now() OR ${isMine}) RETURNING claim, ${COLUMNS}`,
      [this.#mount, subject, claim.name, CLAIM_MS, claim.name + TAKEN_OVER, CLAIMANT_LENGTH, claim.name.length],
    );
    const [found] = rows;
    if (found === undefined) return undefined;
    const mine = claim.again(String(found['claim']));
    const row = await this.#claimedRow(subject, found);
    const [, former] = mine.name.split(TAKEN_OVER);
    const outcomeUnknown = former !== undefined;
    const process = outcomeUnknown ? claimantOf(former) : undefined;
    const dead = process !== undefined && (await isDead(this.#store, process)) ? { deadProcess: process } : {};
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
    const some = 'SELECT subject FROM intents WHERE mount = $1 ORDER BY subject LIMIT $2';
    const sql = `DELETE FROM intents WHERE mount = $1 AND subject IN (${some})`;
    await inParts((part) => this.#store.run(sql, [this.#mount, part]));
  }

  async #isClaimed(subject: string, claim: HeldClaim): Promise<boolean> {
    const { rows } = await this.#store.run('SELECT 1 FROM intents WHERE mount = $1 AND subject = $2 AND claim = $3', [
      this.#mount,
      subject,
      claim.name,
    ]);
    return rows.length === 1;
  }

  async #find(column: 'subject' | 'login', value: string): Promise<Intent | undefined> {
    const { rows } = await this.#store.run(`SELECT ${COLUMNS} FROM intents WHERE mount = $1 AND ${column} = $2`, [
      this.#mount,
      value,
    ]);
    return rows[0] === undefined ? undefined : this.#fromRow(rows[0]);
  }

  async #hold<T>(claim: HeldClaim, row: ClaimedRow, work: (claimed: ClaimedIntent) => Promise<T>): Promise<T> {
    const beats = new Set<Promise<unknown>>();
    const mine = [this.#mount, row.subject, claim.name];
    const renew = async (): Promise<boolean> => {
      const moment = new HeldClaim(this.#node);
      // As long as the claim is there, again is the same.
      const { changes } = await runRepeatable(
        this.#store,
        'UPDATE intents SET claimed_until = store_now() + $4 WHERE mount = $1 AND subject = $2 AND claim = $3',
        [...mine, CLAIM_MS],
      );
      if (changes === 1) claim.renewed(moment);
      return changes === 1;
    };
    const timer = setInterval(() => {
      const beat: Promise<unknown> = renew()
        // Taken over: nothing keeps that alive any more.
        .then((isMine) => isMine || clearInterval(timer))
        // The store is away: the claim runs out, and the next change says so.
        .catch(() => undefined)
        .finally(() => beats.delete(beat));
      beats.add(beat);
    }, HEARTBEAT_MS);
    const check = (): Promise<void> => claim.require({ sureMs: CLAIM_MS / 2, ask: renew, what: row.subject });
    try {
      return await underClaim(check, () => work(this.#claimed(claim, row)));
    } finally {
      clearInterval(timer);
      await Promise.all(beats);
      // Run again, it finds its claim ended.
      await runRepeatable(
        this.#store,
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

  #claimed(claim: HeldClaim, row: ClaimedRow): ClaimedIntent {
    const mine = [this.#mount, row.subject, claim.name];
    return {
      ...row,
      held: { table: 'intents', row: { mount: this.#mount, subject: row.subject, claim: claim.name } },
      lost: () => claimLost(row.subject),
      save: async (change) => {
        const moment = new HeldClaim(this.#node);
        const columns = this.#columns(row.subject, change);
        const assignments = columns.map(([name], index) => `${name} = $${index + mine.length + 2}`).join(', ');
        // It may have been released already, though nobody has taken it: it is claimed again then. The claim stays, so that
        // again is the same.
        const { changes } = await runRepeatable(
          this.#store,
          `UPDATE intents SET claimed_until = store_now() + $4, ${assignments}
           WHERE mount = $1 AND subject = $2 AND claim = $3`,
          [...mine, CLAIM_MS, ...columns.map(([, value]) => value)],
        );
        if (changes === 0) throw claimLost(row.subject);
        claim.renewed(moment);
        return this.#claimed(claim, { ...row, ...change });
      },
      remove: async () => {
        const { changes } = await this.#store.run(
          'DELETE FROM intents WHERE mount = $1 AND subject = $2 AND claim = $3',
          mine,
        );
        if (changes === 0) throw claimLost(row.subject);
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
