/** Leases below a prefix are claimed, ended and removed together, and each of them has its own end. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CofferError, createLogger, Deadline, formatLogLine, requireClaim, withDeadline } from '@coffer/base';
import type { Engine, Lease } from '@coffer/framework';
import { openEmbeddedStore, type SqlRow, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Epochs } from '../epochs/epochs.ts';
import { createTokenStore } from '../tokens/tokens.ts';
import { claimsOf } from './claim.ts';
import { LeaseList } from './lease-list.ts';
import { sealLease } from './lease-row.ts';
import { Leases } from './leases.ts';
import { REVOCATIONS_AT_ONCE } from './revoke-prefix.ts';

const HOUR_MS = 3_600_000;
const OTHER = `${claimsOf('anotherProc1')}abc`;

describe('many leases below a prefix', () => {
  const barrier = new Barrier(createKeyring());
  let store: Store;
  let leases: Leases;
  let log: string;
  /** Writes to leases, by what they begin with. */
  let writes: Map<string, number>;
  /** Asked to be ended together, and alone. */
  let together: string[][];
  let alone: string[];
  let endTogether: (ids: string[]) => Promise<readonly string[]>;
  let endAlone: (id: string) => Promise<string | undefined>;
  let life: number | undefined;

  beforeEach(async () => {
    const inner = await openEmbeddedStore({ path: ':memory:' });
    const note = (sql: string): void => {
      const kind = /^(UPDATE|DELETE FROM) leases/.exec(sql)?.[1];
      if (kind !== undefined) writes.set(kind, (writes.get(kind) ?? 0) + 1);
    };
    store = {
      exclusive: false,
      run: (sql, params) => (note(sql), inner.run(sql, params)),
      transaction: (statements) => {
        for (const { sql } of statements) note(sql);
        return inner.transaction(statements);
      },
      close: () => inner.close(),
    };
    [log, together, alone, life] = ['', [], [], 0];
    endTogether = async (ids) => ids;
    endAlone = async () => undefined;
    const idsOf = (some: readonly Lease[]): string[] => some.map(({ id }) => id);
    const engine: Engine = {
      ...{ help: '', paths: [], close: () => Promise.resolve() },
      revoke: async ({ id }) => {
        await requireClaim();
        alone.push(id);
        return endAlone(id);
      },
      revokeTogether: async (some) => {
        await requireClaim();
        together.push(idsOf(some));
        return endTogether(idsOf(some));
      },
    };
    const node = {
      get life() {
        return life;
      },
    };
    const wake = (): void => undefined;
    const logger = createLogger('', 'info', (entry) => (log += formatLogLine(entry)));
    const tokens = createTokenStore(store, barrier, wake);
    const list = new LeaseList(store, barrier);
    const mounts = { engineFor: (path: string) => (path.startsWith('db/') ? engine : undefined) };
    leases = new Leases({ store, barrier, list, tokens, epochs: new Epochs(store), mounts, node, logger, wake });
    writes = new Map();
  });
  afterEach(() => store.close());

  async function addLeases(count: number, path = 'db/x'): Promise<string[]> {
    const now = Date.now();
    const ids = Array.from({ length: count }, (_, at) => `${path}/${String(at).padStart(4, '0')}`);
    for (const [at, id] of ids.entries()) {
      const value = sealLease(barrier, id, { path, renewable: true, data: {} });
      await store.run(
        `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
           attempts, last_error, value) VALUES ($1, 't', 'active', $2, $3, NULL, 0, $3, 0, NULL, $4)`,
        [id, now - at, now + HOUR_MS, value],
      );
    }
    return ids;
  }
  const rowsNow = async (): Promise<readonly SqlRow[]> => (await store.run('SELECT * FROM leases ORDER BY id')).rows;

  it('are claimed, ended and removed by a few statements, each of them once', async () => {
    const ids = await addLeases(300);
    await leases.revokePrefix('db/');
    assert.deepEqual(together.flat().sort(), ids);
    assert.deepEqual([alone, await rowsNow()], [[], []]);
    assert.deepEqual(Object.fromEntries(writes), { UPDATE: 3, 'DELETE FROM': 3 });
  });

  it('are begun by the time of their issue, no more at once than may be', async () => {
    const ids = await addLeases(REVOCATIONS_AT_ONCE + 100);
    const first = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    endTogether = async (some) => {
      if (together.flat().length >= REVOCATIONS_AT_ONCE) begun.resolve();
      await first.promise;
      return some;
    };
    const done = leases.revokePrefix('db/');
    await begun.promise;
    assert.deepEqual(together.flat().sort(), ids.slice(-REVOCATIONS_AT_ONCE));
    first.resolve();
    await done;
    assert.deepEqual(together.flat().sort(), ids);
  });

  it('have each an end of its own where they cannot be ended together', async () => {
    const ids = await addLeases(10);
    const [refused = '', owed = '', late = ''] = [ids[3], ids[5], ids[7]];
    endTogether = async (some) => some.filter((id) => ![refused, owed, late].includes(id));
    endAlone = async (id) => {
      if (id === refused) throw new CofferError('unavailable', 'not now');
      return id === owed ? 'sessions go on' : undefined;
    };
    await assert.rejects(leases.revokePrefix('db/'), {
      code: 'unavailable',
      message: `1 of 10 leases could not be revoked: failed to revoke "${refused}": not now`,
    });
    assert.deepEqual(alone.sort(), [refused, owed, late]);
    const left = (await rowsNow()).map(({ id, attempts, last_error, claim, claimed_until }) => ({
      row: [id, attempts, last_error],
      claim: [claim, claimed_until],
    }));
    assert.deepEqual(left, [
      { row: [refused, 1, 'not now'], claim: ['', 0] },
      { row: [owed, 0, 'sessions go on'], claim: ['', 0] },
    ]);
    assert.equal(await leases.revokePrefix(`${owed}`), 'sessions go on');
  });

  it('are revoked one by one when nothing can be done together, and those of no engine are left', async () => {
    const ids = await addLeases(5);
    await addLeases(2, 'gone/x');
    endTogether = () => Promise.reject(new CofferError('failed', 'something is wrong with one of them'));
    await assert.rejects(leases.revokePrefix(''), {
      code: 'failed',
      message:
        /^2 of 7 leases could not be revoked: failed to revoke "gone\/x\/000.": no engine is mounted at gone\/x$/,
    });
    assert.deepEqual(alone.sort(), ids);
    assert.equal((await rowsNow()).length, 2);
  });

  it('are given up by force, with what went on of others', async () => {
    await addLeases(4);
    endTogether = async (some) => some.slice(0, 2);
    endAlone = () => Promise.reject(new CofferError('failed', 'refused'));
    await leases.revokePrefix('db/', { force: true });
    assert.deepEqual(await rowsNow(), []);
    assert.equal(log.match(/lease forgotten by force/g)?.length, 2);
  });

  it('leave one alone that another worker holds, until it is free', async () => {
    const [held = '', ...others] = await addLeases(5);
    await store.run('UPDATE leases SET claim = $1, claimed_until = store_now() + 60000 WHERE id = $2', [OTHER, held]);
    const done = leases.revokePrefix('db/');
    while ((await rowsNow()).length > 1) await new Promise(setImmediate);
    assert.deepEqual([together.flat().sort(), alone], [others, []]);
    await store.run("UPDATE leases SET claim = '', claimed_until = 0 WHERE id = $1", [held]);
    await done;
    assert.deepEqual([together.length, alone, await rowsNow()], [1, [held], []]);
  });

  it('remove nothing of which the claim was lost meanwhile', async () => {
    const [, stolen = ''] = await addLeases(4);
    endTogether = async (some) => {
      await store.run('UPDATE leases SET claim = $1 WHERE id = $2', [OTHER, stolen]);
      return some;
    };
    await assert.rejects(leases.revokePrefix('db/'), {
      code: 'unavailable',
      message: /^1 of 4 leases could not be revoked: .*was taken over by another worker/,
    });
    assert.deepEqual(
      (await rowsNow()).map(({ id, claim }) => [id, claim]),
      [[stolen, OTHER]],
    );
  });

  it('begin no effect on one that was taken over, and end the others', async () => {
    const [, stolen = '', ...others] = await addLeases(4);
    let isStolen = false;
    const transaction = store.transaction.bind(store);
    store.transaction = async (statements) => {
      const results = await transaction(statements);
      if (!isStolen && statements[0]?.sql.startsWith('UPDATE leases SET claim = $2')) {
        isStolen = true;
        await store.run('UPDATE leases SET claim = $1 WHERE id = $2', [OTHER, stolen]);
        // As after a sleep: the store is to be asked.
        life = undefined;
      }
      return results;
    };
    await assert.rejects(leases.revokePrefix('db/'), { code: 'unavailable', message: /^1 of 4 leases/ });
    assert.deepEqual([together, alone.length], [[], 3]);
    assert.ok(others.every((id) => alone.includes(id)) && !alone.includes(stolen));
    assert.deepEqual(
      (await rowsNow()).map(({ id, claim }) => [id, claim]),
      [[stolen, OTHER]],
    );
  });

  it('are left to the expiration, those not begun, when nobody waits any more', async () => {
    const ids = await addLeases(REVOCATIONS_AT_ONCE + 200);
    const client = new AbortController();
    endTogether = async (some) => {
      client.abort();
      return some;
    };
    const deadline = new Deadline(60_000, { gone: client.signal });
    const now = Date.now();
    await assert.rejects(
      withDeadline(deadline, () => leases.revokePrefix('db/')),
      { message: /the client disconnected/ },
    );
    deadline.clear();
    const left = await rowsNow();
    assert.equal(left.length, ids.length - together.flat().length);
    assert.ok(together.flat().length <= REVOCATIONS_AT_ONCE);
    for (const { state, claim, next_attempt } of left) {
      assert.deepEqual([state, claim], ['revoking', '']);
      assert.ok(Number(next_attempt) <= Date.now() && Number(next_attempt) >= now);
    }
  });

  it('are ended and removed together when they are due', async () => {
    const ids = await addLeases(20);
    await leases.revokePrefixLater('db/');
    endTogether = async (some) => some.slice(1);
    endAlone = () => Promise.reject(new CofferError('failed', 'refused'));
    writes.clear();
    const due = await leases.claimDue(Date.now(), 100);
    const revoked = leases.revokeClaimed(due);
    const ends = await Promise.all(ids.map(async (id) => (await revoked.get(id))?.error?.message));
    assert.deepEqual(
      ends.filter((error) => error !== undefined),
      ['refused'],
    );
    assert.deepEqual([together.length, alone.length, (await rowsNow()).length], [1, 1, 1]);
    // The claim, the retry that is planned; the removal of all others.
    assert.deepEqual(Object.fromEntries(writes), { UPDATE: 2, 'DELETE FROM': 1 });
  });
});
