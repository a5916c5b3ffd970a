import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CofferError, PROCESS_ID, silentLogger } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { Epochs } from '../epochs/epochs.ts';
import { DEAD_MS } from '../nodes/nodes.ts';
import { createTokenStore } from '../tokens/tokens.ts';
import { releaseDeadClaims, releaseDeadCreations, takeOverDead } from './dead-claims.ts';
import { LeaseList } from './lease-list.ts';
import { Leases } from './leases.ts';
import { MountIntents } from './intents.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { CREATION_CLAIM_MS } from './lease-row.ts';
import { sealLease } from './lease-row.ts';

const HOUR_MS = 3_600_000;

describe('the claims of a process that was killed', () => {
  let store: Store;
  beforeEach(async () => (store = await openEmbeddedStore({ path: ':memory:' })));
  afterEach(() => store.close());

  async function addLease(id: string, state: string, age: number, claim: number): Promise<void> {
    const now = Date.now();
    await store.run(
      `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
         attempts, last_error, value) VALUES ($1, '', $2, $3, $4, NULL, $5, $6, 0, NULL, $7)`,
      [id, state, now - age, now + HOUR_MS, now + claim, now + HOUR_MS, new Uint8Array()],
    );
  }

  const behind = (inner: Store): Store => ({
    exclusive: inner.exclusive,
    run: (sql, params) => inner.run(sql, params),
    transaction: (statements) => inner.transaction(statements),
    close: () => inner.close(),
  });

  async function dueLeases(): Promise<string[]> {
    const { rows } = await store.run(
      'SELECT id FROM leases WHERE claimed_until <= store_now() AND next_attempt <= store_now() ORDER BY id',
    );
    return rows.map((row) => String(row['id']));
  }

  it('are released at the start, but for what may still be made', async () => {
    await addLease('live', 'active', HOUR_MS, 120_000);
    await addLease('revoking', 'revoking', HOUR_MS, 120_000);
    await addLease('retry later', 'revoking', HOUR_MS, -HOUR_MS);
    await addLease('young', 'revoking', 1_000, 120_000);
    await addLease('creating', 'creating', 1_000, 120_000);
    await releaseDeadClaims(store, silentLogger);
    assert.deepEqual(await dueLeases(), ['revoking']);
    const { rows } = await store.run('SELECT id, claimed_until - issue_time AS claim FROM leases ORDER BY id');
    const claims = new Map(rows.map((row) => [row['id'], Number(row['claim'])]));
    assert.ok((claims.get('live') ?? 0) < 0, 'can be renewed at once');
    for (const id of ['creating', 'young']) assert.equal(claims.get(id), CREATION_CLAIM_MS);
  });

  it('tell who takes a rotation over that somebody was cut off', async () => {
    const intents = new MountIntents(store, new Barrier(createKeyring()), 'mount');
    const outcomeUnknown = async () => (await intents.claim('static/app', async (row) => row.outcomeUnknown))?.result;
    await intents.create({ subject: 'static/app', login: 'app', state: 'open', value: {} }, async () => undefined);
    assert.equal(await outcomeUnknown(), false);
    await store.run("UPDATE intents SET claim = 'of the dead', claimed_until = store_now() + 60000");
    assert.equal(await outcomeUnknown(), undefined, 'claimed');
    await releaseDeadClaims(store, silentLogger);
    assert.equal(await outcomeUnknown(), true);
    assert.equal(await outcomeUnknown(), false, 'given back');
  });

  it('tell which process was cut off, unless it is this one', async () => {
    const intents = new MountIntents(store, new Barrier(createKeyring()), 'mount');
    await intents.create({ subject: 'static/app', login: 'app', state: 'open', value: {} }, async () => undefined);
    for (const [claim, dead] of [
      [`${PROCESS_ID} abc`, undefined],
      ['anotherProc1 abc', 'anotherProc1'],
      ['anotherProc1 abc taken over', 'anotherProc1'],
      ['ofAnOlderVersion', undefined],
    ] as const) {
      await store.run('UPDATE intents SET claim = $1, claimed_until = 0', [claim]);
      const row = await intents.claim('static/app', async ({ outcomeUnknown, deadProcess }) => [
        outcomeUnknown,
        deadProcess,
      ]);
      assert.deepEqual(row?.result, [true, dead], claim);
    }
  });

  it('say once the rows can be read who was making something: only what a dead process made is due at once', async () => {
    const barrier = new Barrier(createKeyring());
    const makers = {
      dead: 'anotherProc1',
      own: PROCESS_ID,
      'older version': undefined,
      'revoked meanwhile': 'anotherProc1',
    };
    for (const [id, maker] of Object.entries(makers)) {
      await addLease(id, id === 'revoked meanwhile' ? 'revoking' : 'creating', 1_000, 120_000);
      const part = { path: 'database/creds/app', renewable: true, data: {}, ...(maker !== undefined && { maker }) };
      await store.run('UPDATE leases SET value = $2 WHERE id = $1', [id, sealLease(barrier, id, part)]);
    }
    await addLease('damaged', 'creating', 1_000, 120_000);
    await releaseDeadClaims(store, silentLogger);
    await releaseDeadCreations({ ...behind(store), exclusive: false }, barrier, silentLogger);
    assert.deepEqual(await dueLeases(), []);
    await releaseDeadCreations(store, barrier, silentLogger);
    assert.deepEqual(await dueLeases(), ['dead', 'revoked meanwhile']);
  });

  it('are left alone where other nodes work on the store', async () => {
    await addLease('revoking', 'revoking', HOUR_MS, 120_000);
    const shared: Store = { ...behind(store), exclusive: false };
    await releaseDeadClaims(shared, silentLogger);
    assert.deepEqual(await dueLeases(), []);
  });

  it('run out by themselves when they cannot be released', async () => {
    const full: Store = {
      ...behind(store),
      transaction: () => Promise.reject(new CofferError('unavailable', 'the disk is full')),
    };
    await releaseDeadClaims(full, silentLogger);
  });
});

describe('the claims of a node that is dead', () => {
  const barrier = new Barrier(createKeyring());
  const OTHER = 'anotherProc1 abc';
  let store: Store;
  let leases: Leases;
  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    const wake = (): void => undefined;
    leases = new Leases({
      ...{ store, barrier, list: new LeaseList(store, barrier), tokens: createTokenStore(store, barrier, wake) },
      ...{ epochs: new Epochs(store), mounts: { engineFor: () => undefined }, logger: silentLogger, wake },
    });
  });
  afterEach(() => store.close());

  const due = () => leases.claimDue(Date.now(), 10);
  const claimAs = (claim: string): Promise<unknown> =>
    store.run('UPDATE leases SET claim = $1, claimed_until = store_now() + 60000, next_attempt = store_now() + 60000', [
      claim,
    ]);

  /** One whose creation another process was at. */
  async function addLease(): Promise<void> {
    const now = Date.now();
    const part = { path: 'db/creds/app', renewable: true, data: {}, maker: 'anotherProc1' };
    await store.run(
      `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
         attempts, last_error, value) VALUES ('l', 't', 'revoking', $1, $2, NULL, 0, 0, 0, NULL, $3)`,
      [now, now + HOUR_MS, sealLease(barrier, 'l', part)],
    );
  }

  async function addNode(id: string, silentMs: number): Promise<void> {
    await store.run(
      `INSERT INTO nodes (id, address, version, state, started, heartbeat, epoch)
       VALUES ($1, '', '', 'active', 0, store_now() - $2, 0)`,
      [id, silentMs],
    );
  }

  it('are released and its row goes; the living keep theirs', async () => {
    const intents = new MountIntents(store, barrier, 'mount');
    await addLease();
    await claimAs(OTHER);
    await intents.create({ subject: 'a', login: 'a', state: 'open', value: {} }, async () => undefined);
    await store.run('UPDATE intents SET claim = $1, claimed_until = store_now() + 60000', [OTHER]);
    await addNode('anotherProc1', DEAD_MS - 2_000);
    await addNode(PROCESS_ID, DEAD_MS * 2);
    await takeOverDead(store, silentLogger);
    assert.deepEqual([await due(), await intents.due(Date.now(), 10)], [[], []]);
    await store.run('UPDATE nodes SET heartbeat = heartbeat - 2000');
    await Promise.all([takeOverDead(store, silentLogger), takeOverDead(store, silentLogger)]);
    assert.deepEqual(
      (await due()).map(({ id }) => id),
      ['l'],
    );
    const taken = await intents.claim('a', async ({ outcomeUnknown, deadProcess }) => [outcomeUnknown, deadProcess]);
    assert.deepEqual(taken?.result, [true, 'anotherProc1']);
    const { rows } = await store.run('SELECT id FROM nodes');
    assert.deepEqual(rows, [{ id: PROCESS_ID }], 'never itself');
  });

  it('stay when it wakes in the midst of that', async () => {
    await addLease();
    await claimAs(OTHER);
    await addNode('anotherProc1', DEAD_MS);
    const waking: Store = {
      ...{ exclusive: false, close: () => store.close(), run: (sql, params) => store.run(sql, params) },
      async transaction(statements) {
        await store.run('UPDATE nodes SET heartbeat = store_now()');
        return store.transaction(statements);
      },
    };
    await takeOverDead(waking, silentLogger);
    assert.deepEqual(await due(), []);
    assert.equal((await store.run('SELECT 1 FROM nodes')).rows.length, 1);
  });

  it('are released with those of others gone, whatever their names begin with', async () => {
    await addLease();
    await claimAs('anotherProc1x abc');
    await addNode('anotherProc1', DEAD_MS);
    await takeOverDead(store, silentLogger);
    assert.deepEqual(await due(), []);
  });

  it('tell who takes a creation over that its maker is dead; one that is only slow may still be at it', async () => {
    await addLease();
    await addNode('anotherProc1', 0);
    const [alive] = await due();
    assert.deepEqual(Object.keys(alive?.creation ?? {}), ['mayLandUntil']);
    await store.run('DELETE FROM nodes');
    await store.run('UPDATE leases SET claimed_until = 0');
    const [dead] = await due();
    assert.equal(dead?.creation?.process, 'anotherProc1');
  });
});
