import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type EntryStorage, isRegistered, type PluginCatalog, type PluginEntry, stored } from '@coffer/framework';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createEntryStorage, entriesOf } from '../barrier/entry-storage.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { createPluginCatalog } from './plugin-catalog.ts';

describe('a catalog that 0.1.0 wrote, with versions as they were given', () => {
  let store: Store;
  let storage: EntryStorage;
  let catalog: PluginCatalog;
  before(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    storage = createEntryStorage(entriesOf(store, new Barrier(createKeyring())), 'catalog');
    const pins = createEntryStorage(entriesOf(store, new Barrier(createKeyring())), 'pins');
    catalog = createPluginCatalog(
      storage,
      [{ name: 'inside', type: 'database', version: 'v0.1.0+builtin.vault' }],
      pins,
    );
  });
  after(() => store.close());
  const entry = (version: string, changes: Partial<PluginEntry> = {}): PluginEntry => ({
    name: 'mine',
    type: 'database',
    command: 'mine',
    args: [],
    env: [],
    sha256: 'ab'.repeat(32),
    version,
    ...changes,
  });
  beforeEach(async () => {
    await storage.clear();
    const rows = storage.of('', stored.object());
    for (const version of ['1.2', 'v0.9.0', 'nightly'])
      await rows.put(`database/mine/${version}`, { ...entry(version) });
  });
  const found = async (version: string) => {
    const plugin = await catalog.get('database', 'mine', version);
    return plugin && isRegistered(plugin) ? plugin.version : plugin;
  };
  const listed = async () => (await catalog.list()).map(({ version }) => version);

  it('is found by them, in any form', async () => {
    for (const version of ['1.2', 'v1.2', '1.2.0', 'v1.2.0']) assert.equal(await found(version), '1.2');
    assert.equal(await found('nightly'), 'nightly');
    assert.equal(await found('0.9'), 'v0.9.0');
    assert.equal(await found('v1.2.1'), undefined);
    assert.equal(await found(''), undefined);
  });
  it('has a newest, which is never one that is no version', async () => {
    assert.deepEqual(await listed(), ['nightly', 'v0.9.0', '1.2']);
    assert.equal(await catalog.pin('database', 'mine', '', true), '1.2');
    const newest = await catalog.resolve('database', 'mine', '');
    assert.equal(newest?.version, '1.2');
  });
  it('has each once, also when it is registered again', async () => {
    await catalog.register(entry('v1.2.0', { sha256: 'CD'.repeat(32) }));
    assert.deepEqual(await listed(), ['nightly', 'v0.9.0', 'v1.2.0']);
    const plugin = await catalog.get('database', 'mine', '1.2');
    assert.ok(plugin && isRegistered(plugin));
    assert.equal(plugin.sha256, 'cd'.repeat(32));
  });
  it('loses the one that is deregistered', async () => {
    await catalog.deregister('database', 'mine', 'v1.2.0');
    await catalog.deregister('database', 'mine', 'v3.0.0');
    assert.deepEqual(await listed(), ['nightly', 'v0.9.0']);
  });
  it('does not mix up names and types', async () => {
    await catalog.register(entry('v5.0.0', { name: 'mine-too' }));
    await catalog.register(entry('v6.0.0', { type: 'secret' }));
    assert.equal(await catalog.pin('database', 'mine', '', true), '1.2');
    assert.equal(await found('v5.0.0'), undefined);
    assert.equal(await found('v6.0.0'), undefined);
    assert.equal(await catalog.resolve('database', 'absent', ''), undefined);
  });
  it('pins to no version what is built in, or registered without one', async () => {
    assert.equal(await catalog.pin('database', 'inside', '', true), '');
    assert.equal(await catalog.pin('database', 'inside', 'v0.1.0+builtin.vault', true), '');
    assert.equal(await catalog.pin('database', 'mine', '', false), '', 'one that is there is not moved');
    await catalog.register(entry(''));
    assert.equal(await catalog.pin('database', 'mine', '', true), '');
    assert.equal(await catalog.pin('database', 'mine', '0.9', true), 'v0.9.0');
  });
});
