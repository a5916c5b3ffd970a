/** A move of a mount that is cut off, fails, or meets another change. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import type { EngineFactory } from '@coffer/framework';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { eventually } from '@coffer/testkit';
import { Barrier } from '../barrier/barrier.ts';
import { createEntryStorage, entriesOf } from '../barrier/entry-storage.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Core } from '../core.ts';
import { Remounts } from './remounts.ts';

const room: EngineFactory = () => ({ help: '', paths: [], close: async () => undefined });
const barrier = new Barrier(createKeyring());

describe('a move', () => {
  let store: Store;
  let cores: Core[];
  const coreOn = async (): Promise<Core> => {
    const made = new Core({ store, barrier, builtinPlugins: [], logger: silentLogger });
    made.install({ engines: new Map([['room', room]]) });
    await made.start();
    cores.push(made);
    return made;
  };
  const remountsOf = (core: Core, revoke: (path: string) => Promise<unknown>) =>
    new Remounts({
      ...{ store, mounts: core.services.mounts, revoke, logger: silentLogger },
      storage: createEntryStorage(entriesOf(store, barrier), 'core/remounts'),
    });
  const paths = (core: Core) => core.services.mounts.list(false).map(({ path }) => path);

  beforeEach(async () => {
    cores = [];
    store = await openEmbeddedStore({ path: ':memory:' });
  });
  afterEach(async () => {
    for (const core of cores) await core.stop();
    await store.close();
  });

  it('that was cut off is undone by the next start, and nothing moves any more', async () => {
    const core = await coreOn();
    await core.services.mounts.enable('a', 'room', {});
    const { promise: revoked, resolve } = Promise.withResolvers<undefined>();
    const cutOff = remountsOf(core, () => revoked);
    const id = await cutOff.begin('a/', 'b/');
    await eventually(() => core.services.mounts.route('a/') === undefined, 'the move has begun');
    const next = await coreOn();
    assert.deepEqual(paths(next), ['a/']);
    assert.notEqual(next.services.mounts.route('a/'), undefined, 'it stands');
    assert.equal((await next.services.remounts.status(id))?.status, 'failure');
    resolve(undefined);
    await cutOff.settled();
    assert.deepEqual(paths(await coreOn()), ['a/'], 'whoever was cut off moves nothing');
  });

  it('that fails leaves the mount where it was, and it can be moved again', async () => {
    const core = await coreOn();
    await core.services.mounts.enable('a', 'room', {});
    const failing = remountsOf(core, () => Promise.reject(new Error('a lease is stuck')));
    const id = await failing.begin('a/', 'b/');
    await failing.settled();
    assert.equal((await failing.status(id))?.status, 'failure');
    assert.notEqual(core.services.mounts.route('a/'), undefined);
    const again = await core.services.remounts.begin('a/', 'b/');
    await core.services.remounts.settled();
    assert.equal((await core.services.remounts.status(again))?.status, 'success');
    assert.deepEqual(paths(core), ['b/']);
    assert.deepEqual(paths(await coreOn()), ['b/']);
  });

  it('is followed by other tables, and a disabling of the old path removes nothing', async () => {
    const [core, other] = [await coreOn(), await coreOn()];
    await core.services.mounts.enable('a', 'room', {});
    await other.services.mounts.disable('none', async () => undefined);
    const second = await coreOn();
    const disabled = second.services.mounts.disable('a', async () => {
      await store.run('UPDATE mounts SET tainted = 0');
      const id = await core.services.remounts.begin('a/', 'b/');
      await core.services.remounts.settled();
      assert.equal((await core.services.remounts.status(id))?.status, 'success');
    });
    await assert.rejects(disabled, { code: 'failed', message: 'a/ was moved to b/ meanwhile' });
    assert.deepEqual(paths(await coreOn()), ['b/']);
    assert.deepEqual(paths(second), ['b/']);
  });

  it('of a mount that is being moved already is refused', async () => {
    const core = await coreOn();
    await core.services.mounts.enable('a', 'room', {});
    const { promise: revoked, resolve } = Promise.withResolvers<undefined>();
    const slow = remountsOf(core, () => revoked);
    const id = await slow.begin('a/', 'b/');
    await eventually(() => core.services.mounts.route('a/') === undefined, 'the move has begun');
    await assert.rejects(slow.begin('a/', 'c/'), { code: 'invalid-request', message: 'no matching mount at "a/"' });
    resolve(undefined);
    await slow.settled();
    assert.equal((await slow.status(id))?.status, 'success');
    assert.deepEqual(paths(core), ['b/']);
  });
});
