import assert from 'node:assert/strict';
import { it } from 'node:test';
import { API_VERSION } from '@coffer/base';
import { stored } from '@coffer/framework';
import { openEmbeddedStore } from '@coffer/store';
import { Barrier } from './barrier/barrier.ts';
import { createEntryStorage, entriesOf } from './barrier/entry-storage.ts';
import { createKeyring } from './barrier/keyring.ts';
import { createVersionHistory } from './version-history.ts';

it('a version is noted once, when it first opens the store, and listed after those before it', async () => {
  const store = await openEmbeddedStore({ path: ':memory:' });
  try {
    const storage = createEntryStorage(entriesOf(store, new Barrier(createKeyring())), 'versions');
    const rows = storage.of('', stored.object());
    await rows.put('9.0.0', { installed: 1_000 });
    await rows.put('1.0.0', { installed: 2_000 });
    const history = createVersionHistory(storage);
    await history.record();
    const first = await history.list();
    assert.deepEqual(
      first.map(({ version }) => version),
      ['9.0.0', '1.0.0', API_VERSION],
    );
    await history.record();
    assert.deepEqual(await history.list(), first);
  } finally {
    await store.close();
  }
});
