import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openEmbeddedStore, type SqlStatement, type Store } from '@coffer/store';
import { Barrier } from './barrier/barrier.ts';
import { createKeyring } from './barrier/keyring.ts';
import { createTokenStore } from './tokens/tokens.ts';
import { countIntents, countLeases, countTokens } from './usage-counts.ts';

let store: Store;
let barrier: Barrier;
/** The most rows that came back from one statement. */
let mostRows = 0;

const LEASE = `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt, attempts,
  last_error, value, bucket) VALUES ($1, 't', $2, 0, $3, NULL, 0, $4, $5, $6, $7, 0)`;
const INTENT = `INSERT INTO intents (mount, subject, login, state, claim, claimed_until, next_attempt, attempts, last_error, value)
  VALUES ($1, $2, $2, $3, '', 0, $4, $5, NULL, $6)`;
const NOTHING = new Uint8Array();
const HOUR_MS = 3_600_000;

interface Row {
  readonly state?: string;
  readonly expires?: number;
  readonly next?: number;
  readonly attempts?: number;
  readonly error?: string;
}

function lease(id: string, { state = 'active', expires = HOUR_MS, next = expires, attempts = 0, error }: Row = {}) {
  const [now, lastError] = [Date.now(), error ?? null];
  return { sql: LEASE, params: [id, state, now + expires, now + next, attempts, lastError, NOTHING] };
}

function intent(mount: string, subject: string, state: string, next: number | null, attempts = 0): SqlStatement {
  const due = next === null ? null : Date.now() + next;
  return { sql: INTENT, params: [mount, subject, state, due, attempts, NOTHING] };
}

before(async () => {
  const opened = await openEmbeddedStore({ path: ':memory:' });
  store = {
    ...{ exclusive: true, close: () => opened.close(), transaction: (statements) => opened.transaction(statements) },
    async run(sql, params) {
      const result = await opened.run(sql, params);
      mostRows = Math.max(mostRows, result.rows.length);
      return result;
    },
  };
  barrier = new Barrier(createKeyring());
});
after(() => store.close());

describe('what is in the store', () => {
  it('is counted mount by mount, however much there is, a thousand rows at a time', async () => {
    const many = Array.from({ length: 2_500 }, (_, i) => lease(`a/creds/r/${String(i).padStart(5, '0')}`));
    await store.transaction([...many, lease('ab/creds/r/1'), lease('a/creds/r/new', { state: 'creating' })]);
    assert.deepEqual(await countLeases(store, { path: 'a/' }), {
      ...{ leases: 2_500, irrevocable: 0, owed: 0, oldestSeconds: 0 },
    });
    assert.equal((await countLeases(store, { path: 'ab/' })).leases, 1);
    assert.equal((await countLeases(store, { path: 'none/' })).leases, 0);
  });

  it('is owed when its revocation has failed, is late, or sessions may go on; not while it only waits its turn', async () => {
    await store.transaction([
      lease('o/1', { state: 'revoking', expires: -5 * 60_000, next: 60_000, attempts: 3, error: 'away' }),
      lease('o/2', { state: 'revoking', next: 10_000, error: 'sessions may go on' }),
      lease('o/3', { state: 'revoking', next: -2 * 60_000 }),
      lease('o/4', { state: 'revoking', next: -1_000 }),
      lease('o/5', { expires: -1_000 }),
    ]);
    const { oldestSeconds, ...counts } = await countLeases(store, { path: 'o/' });
    assert.deepEqual(counts, { leases: 5, irrevocable: 0, owed: 3 });
    assert.ok(oldestSeconds >= 300 && oldestSeconds < 310, String(oldestSeconds));
  });

  it('has been owed at least as long as its attempts took, where it was revoked before its time', async () => {
    await store.transaction([lease('early/1', { state: 'revoking', attempts: 12, error: 'away' })]);
    const { irrevocable, owed, oldestSeconds } = await countLeases(store, { path: 'early/' });
    assert.deepEqual({ irrevocable, owed }, { irrevocable: 1, owed: 1 });
    // 1 + 2 + 4 + … + 256 s, then 300 s each, with jitter.
    assert.ok(oldestSeconds > 700 && oldestSeconds < 1_200, String(oldestSeconds));
  });

  it('is overdue when a rotation is a minute late or has failed, and open while nobody knows what came of it', async () => {
    await store.transaction([
      intent('m', 'static/good', 'settled', HOUR_MS),
      intent('m', 'static/now', 'settled', -5_000),
      intent('m', 'static/late', 'settled', -120_000),
      intent('m', 'static/failed', 'settled', HOUR_MS, 2),
      intent('m', 'root/c', 'open', HOUR_MS),
      intent('m', 'static/never', 'settled', null),
      intent('other', 'static/late', 'settled', -120_000),
    ]);
    assert.deepEqual(await countIntents(store, { uuid: 'm' }), { open: 1, planned: 4, overdue: 2 });
  });

  it('counts tokens by policy, method and TTL', async () => {
    const tokens = createTokenStore(store, barrier, () => undefined);
    const token = (path: string, policies: readonly string[], creationTtl: number) =>
      tokens.create({
        ...{ parent: '', displayName: 't', policies, path, meta: null, creationTime: 0, creationTtl, expireTime: null },
        ...{ explicitMaxTtl: 0, period: 0, numUses: 0, renewable: false },
      });
    for (let i = 0; i < 260; i++) await token('auth/token/create', ['default', 'app'], 3_600);
    await token('auth/userpass/login/ana', ['ops'], 0);
    const counts = await countTokens(store, barrier, (path) => path.split('/')[1] ?? '');
    assert.equal(counts.total, 261);
    assert.deepEqual(Object.fromEntries(counts.byPolicy), { default: 260, app: 260, ops: 1 });
    assert.deepEqual(Object.fromEntries(counts.byMethod), { token: 260, userpass: 1 });
    assert.deepEqual(Object.fromEntries(counts.byTtl), { '1h': 260, '+Inf': 1 });
    assert.ok(mostRows <= 250, `${mostRows} rows at once`);
  });
});
