import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openEmbeddedStore } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { hourToken } from './token-fixture.ts';
import { leaseIdOf } from './token-lease.ts';
import { createTokenStore } from './tokens.ts';

describe('a token after its last use', () => {
  it('is found by nothing, before anybody has ended it', async () => {
    const store = await openEmbeddedStore({ path: ':memory:' });
    try {
      const tokens = createTokenStore(store, new Barrier(createKeyring()), () => undefined);
      const { token, entry } = await tokens.create(hourToken({ policies: ['app'], numUses: 1 }));
      const found = async () =>
        (
          await Promise.all([
            tokens.lookup(token.reveal()),
            tokens.byAccessor(entry.accessor),
            tokens.byLease(leaseIdOf(entry)),
          ])
        ).map((each) => each?.usesLeft);
      assert.deepEqual(await found(), [1, 1, 1]);
      const { entry: arrived } = await tokens.arrive(token.reveal());
      assert.ok(arrived);
      assert.equal((await tokens.spend(arrived))?.usesLeft, 1);
      assert.equal(await tokens.spend(arrived), undefined);
      assert.equal((await tokens.arrive(token.reveal())).entry, undefined);
      assert.deepEqual(await found(), [undefined, undefined, undefined]);
      assert.deepEqual(
        [await tokens.idOfAccessor(entry.accessor), await tokens.expired(0, 10)],
        [entry.id, [entry.id]],
      );
    } finally {
      await store.close();
    }
  });
});
