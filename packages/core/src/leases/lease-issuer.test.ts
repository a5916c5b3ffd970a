import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { leaseFromRow } from './lease-row.ts';
import { createLeaseIssuer } from './lease-issuer.ts';
import type { CreatingLease, LeaseIssuer } from '@coffer/framework';

const NEW_LEASE = {
  path: 'database/creds/app',
  token: { id: 't', usesLeft: 0 },
  renewable: true,
  data: { username: 'u' },
  issueTime: 1,
  expireTime: 2,
};

async function addToken(store: Store, id: string, expireTime: number | null = null): Promise<void> {
  await store.run(
    "INSERT INTO tokens (id, accessor, parent, expire_time, uses_left, value) VALUES ($1, $1, '', $2, 0, $3)",
    [id, expireTime, new Uint8Array()],
  );
}

describe('a lease that is being made', () => {
  const barrier = new Barrier(createKeyring());
  let store: Store;
  let issuer: LeaseIssuer;
  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    issuer = createLeaseIssuer(store, barrier, () => undefined);
    await addToken(store, 't');
  });
  afterEach(() => store.close());

  const leases = async () => (await store.run('SELECT * FROM leases')).rows.map((row) => leaseFromRow(barrier, row));

  for (const [ending, end] of [
    ['was made', (creating) => assert.rejects(creating.activate({ username: 'late' }), { code: 'unavailable' })],
    ['may have been made', (creating) => creating.abandon(false, { username: 'late' })],
  ] satisfies [string, (creating: CreatingLease) => Promise<void>][]) {
    it(`is revoked when the login ${ending} after it had been given up and forgotten`, async () => {
      const creating = await issuer.begin(NEW_LEASE);
      // As the recovery does when the claim is over and there is nothing in the database yet.
      await store.run('DELETE FROM leases WHERE id = $1', [creating.id]);
      await end(creating);
      const [lease, ...others] = await leases();
      assert.deepEqual(others, []);
      assert.deepEqual(
        [lease?.id, lease?.state, lease?.path, lease?.token, lease?.data],
        [creating.id, 'revoking', NEW_LEASE.path, 't', { username: 'late' }],
      );
    });
  }

  it('is not begun for the last use of a token', async () => {
    await assert.rejects(issuer.begin({ ...NEW_LEASE, token: { id: 't', usesLeft: 1 } }), {
      code: 'invalid-request',
      message: /token had one use left/,
    });
    assert.deepEqual(await leases(), []);
    await issuer.begin({ ...NEW_LEASE, token: { id: 't', usesLeft: 2 } });
    assert.equal((await leases()).length, 1);
  });

  it('goes when nothing is left of the login', async () => {
    const creating = await issuer.begin(NEW_LEASE);
    assert.equal((await leases())[0]?.state, 'creating');
    await creating.abandon(true);
    assert.deepEqual(await leases(), []);
  });

  it('is not begun for a token that is gone or whose time is over', async () => {
    await addToken(store, 'late', Date.now() - 1);
    for (const token of ['late', 'gone']) {
      await assert.rejects(issuer.begin({ ...NEW_LEASE, token: { id: token, usesLeft: 0 } }), {
        code: 'permission-denied',
      });
    }
    assert.deepEqual(await leases(), []);
  });
});
