/**
 * A node that was taken for dead and wakes: what it had claimed is somebody else's, or nobody's. Each of its writes is tried right
 * after the claim was taken from it.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CofferError, createLogger, formatLogLine, requireClaim } from '@coffer/base';
import type { Engine, LeaseIssuer } from '@coffer/framework';
import { openEmbeddedStore, type SqlRow, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Epochs } from '../epochs/epochs.ts';
import { createTokenStore } from '../tokens/tokens.ts';
import { claimsOf } from './claim.ts';
import { createLeaseIssuer } from './lease-issuer.ts';
import { LeaseList } from './lease-list.ts';
import { leaseFromRow, sealLease } from './lease-row.ts';
import { Leases } from './leases.ts';

const OTHER = `${claimsOf('anotherProc1')}abc`;
const LOST = { code: 'unavailable', message: /was taken over by another worker/ };
const HOUR_MS = 3_600_000;
const ID = 'db/creds/app/1';

describe('whoever lost a claim', () => {
  const barrier = new Barrier(createKeyring());
  let store: Store;
  let leases: Leases;
  let issuer: LeaseIssuer;
  let life: number | undefined;
  let log: string;
  /** What the engine does, under the claim. */
  let effect: () => Promise<string | undefined>;
  let effects: number;
  /** Called when the store has claimed a lease. */
  let afterClaim: (inner: Store) => Promise<void>;
  let isAway: boolean;

  beforeEach(async () => {
    const inner = await openEmbeddedStore({ path: ':memory:' });
    [afterClaim, isAway] = [async () => undefined, false];
    store = {
      exclusive: false,
      async run(sql, params) {
        if (isAway) throw new CofferError('unavailable', 'the store is away');
        const result = await inner.run(sql, params);
        if (/UPDATE leases SET claim = \$/.test(sql)) await afterClaim(inner);
        return result;
      },
      async transaction(statements) {
        const results = await inner.transaction(statements);
        if (/UPDATE leases SET claim = \$/.test(statements[0]?.sql ?? '')) await afterClaim(inner);
        return results;
      },
      close: () => inner.close(),
    };
    [life, log, effects] = [0, '', 0];
    effect = async () => undefined;
    const work = async (): Promise<string | undefined> => {
      await requireClaim();
      effects++;
      return effect();
    };
    const engine: Engine = {
      ...{ help: '', paths: [], close: () => Promise.resolve() },
      revoke: work,
      renew: async () => (await work(), { ttl: 7_200, ceiling: 0, warnings: [] }),
    };
    const node = {
      get life() {
        return life;
      },
    };
    const wake = (): void => undefined;
    const list = new LeaseList(store, barrier);
    const tokens = createTokenStore(store, barrier, wake);
    const logger = createLogger('', 'info', (entry) => (log += formatLogLine(entry)));
    leases = new Leases({
      ...{
        store,
        barrier,
        list,
        tokens,
        epochs: new Epochs(store),
        mounts: { engineFor: () => engine },
        node,
        logger,
        wake,
      },
    });
    issuer = createLeaseIssuer(store, barrier, wake, node);
    await store.run(
      "INSERT INTO tokens (id, accessor, parent, expire_time, uses_left, value) VALUES ('t', 't', '', NULL, 0, $1)",
      [new Uint8Array()],
    );
  });
  afterEach(() => store.close());

  async function addLease(state = 'active', nextAttempt = Date.now() + HOUR_MS): Promise<void> {
    const now = Date.now();
    await store.run(
      `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
         attempts, last_error, value) VALUES ($1, 't', $2, $3, $4, NULL, 0, $5, 0, NULL, $6)`,
      [
        ID,
        state,
        now,
        now + HOUR_MS,
        nextAttempt,
        sealLease(barrier, ID, { path: 'db/creds/app', renewable: true, data: {} }),
      ],
    );
  }

  const steal = (): Promise<unknown> =>
    store.run('UPDATE leases SET claim = $1, claimed_until = store_now() + 60000', [OTHER]);
  const rowNow = async (): Promise<SqlRow | undefined> => (await store.run('SELECT * FROM leases')).rows[0];

  const ENDS = [
    ['has revoked a lease', async () => undefined],
    ['keeps one of which something goes on', async () => 'sessions go on'],
    ['failed to revoke one', () => Promise.reject(new CofferError('failed', 'refused'))],
  ] satisfies [string, () => Promise<string | undefined>][];
  for (const [what, end] of ENDS) {
    it(`changes nothing when it ${what}`, async () => {
      await addLease();
      let stolen: SqlRow | undefined;
      effect = async () => {
        await steal();
        stolen = await rowNow();
        return end();
      };
      await assert.rejects(leases.revoke(ID), LOST);
      assert.deepEqual(await rowNow(), stolen);
      assert.match(log, /another node has taken over a lease/);
      assert.equal(effects, 1);
    });
  }

  it('changes nothing when it has renewed a lease', async () => {
    await addLease();
    let stolen: SqlRow | undefined;
    effect = async () => {
      await steal();
      stolen = await rowNow();
      return undefined;
    };
    await assert.rejects(leases.renew(ID, 60), LOST);
    assert.deepEqual(await rowNow(), stolen);
  });

  it('says that a lease is gone which was revoked while it was renewed', async () => {
    await addLease();
    effect = async () => (await leases.revokeLater(ID), undefined);
    await assert.rejects(leases.renew(ID, 60), { code: 'invalid-request', message: 'lease not found' });
    assert.deepEqual([(await rowNow())?.['state'], (await rowNow())?.['claim']], ['revoking', '']);
  });

  it('changes nothing when it cannot read a lease that was due', async () => {
    await addLease('active', 0);
    await store.run('UPDATE leases SET value = $1', [new Uint8Array(40)]);
    let stolen: SqlRow | undefined;
    afterClaim = async (inner) => {
      await inner.run("UPDATE leases SET claim = 'another'");
      stolen = await rowNow();
    };
    assert.deepEqual(await leases.claimDue(Date.now(), 10), []);
    assert.deepEqual(await rowNow(), stolen);
    assert.equal(stolen?.['attempts'], 0);
  });

  const NEW_LEASE = {
    ...{ path: 'db/creds/app', token: { id: 't', usesLeft: 0 }, renewable: true, data: {} },
    ...{ issueTime: Date.now(), expireTime: Date.now() + HOUR_MS },
  };

  it('does not issue what it has made, and has it revoked after whoever is at it now', async () => {
    const creating = await issuer.begin(NEW_LEASE);
    await steal();
    await assert.rejects(creating.activate({ username: 'late' }), LOST);
    const row = (await rowNow()) ?? assert.fail();
    assert.deepEqual([row['state'], row['claim'], row['claimed_until']], ['revoking', '', 0]);
    assert.deepEqual(leaseFromRow(barrier, row).data, { username: 'late' });
  });

  it('leaves a lease alone of which it has made nothing', async () => {
    const creating = await issuer.begin(NEW_LEASE);
    await steal();
    const stolen = await rowNow();
    await creating.abandon(true);
    assert.deepEqual(await rowNow(), stolen);
  });

  it('asks the store before an effect only when the others may have taken it for dead', async () => {
    const creating = await issuer.begin(NEW_LEASE);
    await steal();
    await creating.requireMine();
    life = 1;
    await assert.rejects(creating.requireMine(), LOST);
    life = undefined;
    await assert.rejects(creating.requireMine(), LOST);
    const mine = await issuer.begin(NEW_LEASE);
    await mine.requireMine();
    life = 2;
    await mine.requireMine();
    await store.run("UPDATE leases SET claim = ''");
    await mine.requireMine();
    assert.equal(life, 2, 'the store has confirmed it in this life');
  });

  it('asks once the time of the claim may be over', async (test) => {
    const creating = await issuer.begin(NEW_LEASE);
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
    await steal();
    await creating.requireMine();
    test.mock.timers.tick(20_000);
    await assert.rejects(creating.requireMine(), LOST);
  });

  it('begins no effect', async () => {
    await addLease();
    afterClaim = async (inner) => {
      await inner.run("UPDATE leases SET claim = 'another'");
      life = (life ?? 0) + 1;
    };
    await assert.rejects(leases.renew(ID, 60), LOST);
    await store.run("UPDATE leases SET claim = '', claimed_until = 0");
    await assert.rejects(leases.revoke(ID), LOST);
    assert.equal(effects, 0);
  });

  it('says so when the store cannot be asked', async () => {
    const creating = await issuer.begin(NEW_LEASE);
    life = undefined;
    isAway = true;
    await assert.rejects(creating.requireMine(), {
      code: 'unavailable',
      message: /is unknown: the store is away/,
    });
  });
});
