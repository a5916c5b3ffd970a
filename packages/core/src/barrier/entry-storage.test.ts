import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from './barrier.ts';
import { createKeyring } from './keyring.ts';
import { createEntryStorage, entriesOf } from './entry-storage.ts';
import { type Entries, type EntryStorage, stored } from '@coffer/framework';

describe('entries of a mount', () => {
  let store: Store;
  let storage: EntryStorage;
  let entries: Entries<JsonObject>;
  before(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    storage = createEntryStorage(entriesOf(store, new Barrier(createKeyring())), 'mount');
    entries = storage.of('', stored.object());
  });
  after(() => store.close());

  it('are taken by one of many', async () => {
    await entries.put('a', { v: 1 });
    const taken = await Promise.all(Array.from({ length: 10 }, () => entries.take('a')));
    assert.deepEqual(
      taken.filter((value) => value !== undefined),
      [{ v: 1 }],
    );
  });

  it('are listed by what their name begins with, sorted, in pages', async () => {
    for (const name of ['roles/b', 'roles/a', 'roles/a-1', 'roles/ä', 'roles0', 'role/x', 'roles'])
      await entries.put(name, {});
    assert.deepEqual(await storage.list('roles/'), ['a', 'a-1', 'b', 'ä']);
    assert.deepEqual(await storage.list('roles/', { after: 'a', limit: 2 }), ['a-1', 'b']);
    assert.deepEqual(await storage.list('roles/', { after: 'a0', limit: 0 }), ['b', 'ä']);
    assert.deepEqual(await storage.list('nothing/'), []);
    assert.deepEqual(await storage.list('', { after: 'roles', limit: 1 }), ['roles/a']);
  });

  it('are all gone once they are cleared, however many there are, and those of no other mount', async () => {
    const insert = 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)';
    const names = Array.from({ length: 2_000 }, (_, index) => String(index));
    await store.transaction(names.map((name) => ({ sql: insert, params: ['old', name, new Uint8Array()] })));
    await store.run(insert, ['older', 'b', new Uint8Array()]);
    await createEntryStorage(entriesOf(store, new Barrier(createKeyring())), 'old').clear();
    const { rows } = await store.run("SELECT mount, name FROM entries WHERE mount >= 'old' AND mount <= 'older'");
    assert.deepEqual(rows, [{ mount: 'older', name: 'b' }]);
    await store.run("DELETE FROM entries WHERE mount = 'older'");
  });

  it('lose no update of many at once, and end when one says so', async () => {
    await entries.put('n', { left: 5 });
    const seen = await Promise.all(
      Array.from({ length: 9 }, () =>
        entries.update('n', ({ left }) => (left === 1 ? undefined : { left: Number(left) - 1 })),
      ),
    );
    const lefts = seen.map((value) => value?.['left']);
    assert.deepEqual(lefts.filter((left) => left !== undefined).sort(), [1, 2, 3, 4, 5]);
    assert.equal(await entries.get('n'), undefined);
    assert.equal(await entries.update('nothing', () => ({})), undefined);
  });
});
