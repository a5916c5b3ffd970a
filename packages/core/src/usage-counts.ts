/** How much there is in the store, counted in parts: no statement reads more than a thousand rows. */
import { type Backoff, backoffMs, ttlBucket } from '@coffer/base';
import type { Mount } from '@coffer/framework';
import type { SqlRow, Store } from '@coffer/store';
import type { Barrier } from './barrier/barrier.ts';
import { endOfPrefix } from './barrier/prefix.ts';
import { readableToken } from './tokens/token-row.ts';

const PAGE = 1_000;
/** Tokens are read whole, and opening them takes time that nobody else has meanwhile. */
const TOKEN_PAGE = 250;
/** What is late by less is only waiting for its turn, in milliseconds. */
const LATE_MS = 60_000;

/** Due, and not only now: tried in vain, or nobody has come to it. */
const OWED = "state = 'revoking' AND (attempts > 0 OR last_error IS NOT NULL OR next_attempt < $4)";
const COUNT_LEASES = `SELECT count(*) AS seen, max(id) AS last,
    sum(CASE WHEN state <> 'creating' THEN 1 ELSE 0 END) AS leases,
    sum(CASE WHEN attempts >= 6 THEN 1 ELSE 0 END) AS irrevocable,
    sum(CASE WHEN ${OWED} THEN 1 ELSE 0 END) AS owed,
    min(CASE WHEN ${OWED} THEN expire_time END) AS expired,
    max(CASE WHEN ${OWED} THEN attempts END) AS attempts
  FROM (SELECT id, state, attempts, last_error, next_attempt, expire_time FROM leases
    WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3) AS page`;
const COUNT_INTENTS = `SELECT count(*) AS seen, max(subject) AS last,
    sum(CASE WHEN state <> 'settled' THEN 1 ELSE 0 END) AS unsettled,
    sum(CASE WHEN state = 'settled' AND next_attempt IS NOT NULL THEN 1 ELSE 0 END) AS planned,
    sum(CASE WHEN next_attempt IS NOT NULL AND (attempts > 0 OR next_attempt < $3) THEN 1 ELSE 0 END) AS late
  FROM (SELECT subject, state, attempts, next_attempt FROM intents
    WHERE mount = $1 AND subject > $2 ORDER BY subject LIMIT $4) AS page`;

/** As revocations are tried again (`leases.ts`), with the shortest pauses that there may be. */
const RETRIES: Backoff = { firstMs: 1_000, longestMs: 300_000, jitter: 0 };
const SHORTEST_PART = 0.75;

export interface LeaseCounts {
  readonly leases: number;
  readonly irrevocable: number;
  readonly owed: number;
  /** For how long the oldest has been owed, in seconds: since it expired, or at least as long as its attempts took. */
  readonly oldestSeconds: number;
}

export async function countLeases(store: Store, { path }: Pick<Mount, 'path'>): Promise<LeaseCounts> {
  const now = Date.now();
  const counts = { leases: 0, irrevocable: 0, owed: 0, oldestSeconds: 0 };
  for await (const row of pages(
    (after) => store.run(COUNT_LEASES, [after, endOfPrefix(path), PAGE, now - LATE_MS]),
    path,
  )) {
    counts.leases += numberOf(row, 'leases');
    counts.irrevocable += numberOf(row, 'irrevocable');
    counts.owed += numberOf(row, 'owed');
    if (numberOf(row, 'owed') === 0) continue;
    const sinceExpiry = now - numberOf(row, 'expired');
    const ms = Math.max(0, sinceExpiry, leastMsOf(numberOf(row, 'attempts')));
    counts.oldestSeconds = Math.max(counts.oldestSeconds, ms / 1000);
  }
  return counts;
}

export interface IntentCounts {
  readonly open: number;
  readonly planned: number;
  readonly overdue: number;
}

/** What is to be rotated at a mount. */
export async function countIntents(store: Store, { uuid }: Pick<Mount, 'uuid'>): Promise<IntentCounts> {
  const counts = { open: 0, planned: 0, overdue: 0 };
  const late = Date.now() - LATE_MS;
  for await (const row of pages((after) => store.run(COUNT_INTENTS, [uuid, after, late, PAGE]), '')) {
    counts.open += numberOf(row, 'unsettled');
    counts.planned += numberOf(row, 'planned');
    counts.overdue += numberOf(row, 'late');
  }
  return counts;
}

export interface TokenCounts {
  readonly total: number;
  readonly byPolicy: ReadonlyMap<string, number>;
  /** By the path that made it, up to the method: `auth/userpass/`. */
  readonly byMethod: ReadonlyMap<string, number>;
  readonly byTtl: ReadonlyMap<string, number>;
}

/** `methodOf`: the type of the auth method whose path made a token. */
export async function countTokens(
  store: Store,
  barrier: Barrier,
  methodOf: (path: string) => string,
): Promise<TokenCounts> {
  const [byPolicy, byMethod, byTtl] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  let total = 0;
  for (let after: string | undefined = ''; after !== undefined; ) {
    // By the accessor: YSQL keeps the ids in no order.
    const sql = 'SELECT * FROM tokens WHERE accessor > $1 ORDER BY accessor LIMIT $2';
    const { rows } = await store.run(sql, [after, TOKEN_PAGE]);
    for (const row of rows) {
      total++;
      const token = readableToken(barrier, row);
      if (token === undefined) continue;
      for (const policy of token.policies) add(byPolicy, policy);
      add(byMethod, methodOf(token.path));
      add(byTtl, ttlBucket(token.creationTtl));
    }
    after = rows.length < TOKEN_PAGE ? undefined : String(rows.at(-1)?.['accessor']);
  }
  return { total, byPolicy, byMethod, byTtl };
}

/** Counted rows, a page after the other. */
async function* pages(
  read: (after: string) => Promise<{ readonly rows: readonly SqlRow[] }>,
  first: string,
): AsyncGenerator<SqlRow> {
  for (let after: string | undefined = first; after !== undefined; ) {
    const { rows } = await read(after);
    const row: SqlRow = rows[0] ?? {};
    const [seen, last] = [numberOf(row, 'seen'), row['last']];
    after = seen < PAGE || typeof last !== 'string' ? undefined : last;
    if (seen > 0) yield row;
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** How long so many attempts took, at least. */
function leastMsOf(attempts: number): number {
  let ms = 0;
  for (let attempt = 1; attempt < Math.min(attempts, 1_000); attempt++) ms += backoffMs(RETRIES, attempt);
  return ms * SHORTEST_PART;
}

/** Sums of numbers come as text from some servers. */
function numberOf(row: SqlRow, column: string): number {
  return Number(row[column] ?? 0);
}
