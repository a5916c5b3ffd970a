/** What is mounted is what the store says, and a mount that was disabled serves nothing, wherever a request or a change stands. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError, silentLogger } from '@coffer/base';
import { definePath, type EngineContext, type EngineFactory, type Mount } from '@coffer/framework';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Steps, steppedStore } from '@coffer/testkit';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Core } from '../core.ts';
import { Epochs } from '../epochs/epochs.ts';
import { createRootToken } from '../tokens/root-token.ts';

let served = 0;
/** Leases a key, and says what the mount is tuned to. */
const door: EngineFactory = (context: EngineContext) => ({
  help: '',
  paths: [
    definePath({
      pattern: 'keys',
      fields: {},
      synopsis: '',
      read: async ({ token, mountPath }) => {
        served++;
        const [limits] = context.ttlLimits();
        const now = Date.now();
        const lease = { path: `${mountPath}keys`, token: token ?? assert.fail(), renewable: false, data: {} };
        const begun = await context.leases.begin({ ...lease, issueTime: now, expireTime: now + 3_600_000 });
        await begun.activate();
        const mount = context.mount();
        return { data: { ttl: limits?.maxTtl ?? -1, accessor: mount.accessor, description: mount.description } };
      },
    }),
  ],
  close: async () => undefined,
});

describe('mounts', () => {
  let inner: Store;
  let core: Core;
  let root: string;
  const barrier = new Barrier(createKeyring());
  const steps = new Steps();

  before(async () => (inner = await openEmbeddedStore({ path: ':memory:' })));
  after(async () => {
    await core.stop();
    await inner.close();
  });

  /** Without its expiration, which would make calls of its own. */
  const coreOn = async (store: Store): Promise<Core> => {
    const made = new Core({ store, barrier, builtinPlugins: [], logger: silentLogger });
    made.install({ engines: new Map([['door', door]]) });
    await made.services.mounts.load();
    return made;
  };
  const begin = async (): Promise<void> => {
    for (const table of ['mounts', 'leases', 'tokens']) await inner.run(`DELETE FROM ${table}`);
    // What has changed is read once for all who wait for it: nobody can be stopped there.
    const stepped = steppedStore(inner, steps, /^(?!SELECT epoch, node, what|SELECT path, value, tainted)/);
    core = await coreOn(stepped);
    await enable();
    root = (await createRootToken(core.services.tokens)).reveal();
  };
  const enable = () => core.services.mounts.enable('door', 'door', { description: 'enabled' });
  const disable = () => core.services.mounts.disable('door', (path) => core.services.leases.revokePrefix(path));
  const tune = (maxTtl: number) =>
    core.services.mounts.tune('door', (mount) => ({
      ...mount,
      // What another one has tuned stays.
      description: `${mount.description}, ${maxTtl}`,
      config: { ...mount.config, max_lease_ttl: maxTtl },
    }));
  const ask = async (of = core) => {
    const base = { id: '', operation: 'read', data: {}, remoteAddress: '' } as const;
    return (await of.handle({ ...base, path: 'door/keys', token: root }))?.data ?? {};
  };
  const table = (of: Core): readonly Mount[] => of.services.mounts.list(false);
  const assertServedIsStored = async () => assert.deepEqual(table(core), table(await coreOn(inner)));
  const assertGone = async () => {
    await assert.rejects(ask(), { code: 'not-found', message: /no handler for route/ });
    assert.deepEqual(table(core), []);
    assert.deepEqual(table(await coreOn(inner)), []);
    assert.equal(await core.services.leaseList.count(), 0);
  };
  const unlessGone = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) => assert.match(CofferError.from(error).message, /no mount at door\//));
  };

  it('that are disabled serve nothing more, wherever a request stands', async () => {
    const points = await steps.interleave({
      prepare: begin,
      stopped: ask,
      meanwhile: disable,
      whileStopped: async () => {
        served = 0;
        await assertGone();
      },
      afterwards: async ({ what }) => {
        await assertGone();
        if (what.startsWith('SELECT')) assert.equal(served, 0, 'a request that had not reached its handler is refused');
      },
    });
    // Token, lease begun, lease activated.
    assert.equal(points.length, 6);
  });

  it('serve nothing more once they are disabled, whoever asks before, during and after it', async () => {
    const points = await steps.interleave({
      prepare: async () => {
        await begin();
        await ask();
      },
      stopped: disable,
      meanwhile: () => ask().catch(() => undefined),
      whileStopped: async () => {
        await assert.rejects(ask(), { code: 'not-found' });
        await assert.rejects(tune(50), { code: 'invalid-request', message: 'no mount at door/' });
      },
      afterwards: assertGone,
    });
    assert.ok(points.some(({ what }) => what.includes('DELETE FROM mounts')));
  });

  it('stay disabled when they are tuned, disabled and disabled again at the same time', async () => {
    for (const meanwhile of [
      () => unlessGone(tune(60)),
      disable,
      async () => void (await Promise.all([tune(60), tune(70)].map(unlessGone))),
    ]) {
      for (const [stopped, other] of [
        [disable, meanwhile],
        [() => unlessGone(tune(50)), async () => void (await Promise.all([disable(), meanwhile()]))],
      ] as const) {
        const points = await steps.interleave({ prepare: begin, stopped, meanwhile: other, afterwards: assertGone });
        assert.ok(points.length >= 2);
      }
    }
  });

  it('that are enabled anew are not taken for those that were disabled', async () => {
    for (const [stopped, meanwhile] of [
      [disable, disable],
      [() => unlessGone(tune(50)), disable],
      [disable, () => unlessGone(tune(50))],
    ] as const) {
      await steps.interleave({
        prepare: begin,
        stopped,
        meanwhile: async () => {
          const before = core.services.mounts.get('door/')?.accessor;
          await meanwhile();
          await enable().catch((error: unknown) => assert.match(CofferError.from(error).message, /in use/));
          return before;
        },
        afterwards: async () => {
          await assertServedIsStored();
          await disable();
          await assertGone();
        },
      });
    }
  });

  it('serve what they are tuned to, wherever a request stands', async () => {
    const tuned = async () => assert.equal((await ask())['ttl'], 60);
    await steps.interleave({
      prepare: begin,
      stopped: ask,
      meanwhile: () => tune(60),
      whileStopped: tuned,
      afterwards: tuned,
    });
    await steps.interleave({ prepare: begin, stopped: () => tune(60), meanwhile: ask, afterwards: tuned });
  });

  it('keep what each of two has tuned, in memory as in the store', async () => {
    const points = await steps.interleave({
      prepare: begin,
      stopped: () => tune(50),
      meanwhile: () => tune(60),
      afterwards: async () => {
        assert.deepEqual(await ask().then(({ ttl, description }) => ({ ttl, description })), {
          ttl: 60,
          description: 'enabled, 50, 60',
        });
        await assertServedIsStored();
      },
    });
    // The row, what is made of it, and the epoch.
    assert.equal(points.length, 6);
  });

  describe('that another node changes while this one waits for the answer to its own change', () => {
    let other: Core;
    const elsewhere = async (change: (mounts: Core['services']['mounts']) => Promise<unknown>) => {
      await change(other.services.mounts);
      // It sees that before its own answer.
      await ask().catch(() => undefined);
    };
    const prepare = async () => {
      await begin();
      other = await coreOn(inner);
    };
    const revoke = (path: string) => core.services.leases.revokePrefix(path);
    const isServedAsStored = async () => {
      await ask().catch(() => undefined);
      await assertServedIsStored();
    };

    it('are what the later one made of them', async () => {
      for (const [stopped, meanwhile] of [
        [() => tune(50), () => elsewhere((mounts) => mounts.tune('door', (mount) => ({ ...mount, description: 'x' })))],
        [() => tune(50), () => elsewhere((mounts) => mounts.disable('door', revoke))],
        [
          disable,
          () => elsewhere((mounts) => mounts.disable('door', revoke).then(() => mounts.enable('door', 'door', {}))),
        ],
      ] as const) {
        const points = await steps.interleave({ prepare, stopped, meanwhile, afterwards: isServedAsStored });
        assert.ok(points.some(({ when, what }) => when === 'after' && what.includes('INSERT INTO changes')));
      }
    });

    it('are gone when the later one disables what was enabled here', async () => {
      const points = await steps.interleave({
        prepare: async () => {
          await prepare();
          await disable();
        },
        stopped: enable,
        meanwhile: () =>
          elsewhere(async (mounts) => {
            await mounts.load();
            await mounts.disable('door', revoke);
          }),
        afterwards: isServedAsStored,
      });
      assert.ok(points.length >= 4);
    });

    it('leave no lease behind when one fails to disable what the other disables', async () => {
      let stoodAgain = 0;
      await steps.interleave({
        prepare,
        stopped: disable,
        meanwhile: async () => {
          const away = new CofferError('unavailable', 'the database is away');
          await other.services.mounts.disable('door', () => Promise.reject(away)).catch(() => undefined);
          await ask(other).then(
            () => stoodAgain++,
            () => undefined,
          );
        },
        afterwards: assertGone,
      });
      assert.ok(stoodAgain > 0);
    });
  });

  it('stay as they were when their row was not written', async () => {
    await begin();
    const { accessor } = core.services.mounts.get('door/') ?? { accessor: '' };
    const refusing: Store = {
      ...steppedStore(inner, steps),
      transaction: async () => Promise.reject(new CofferError('unavailable', 'the disk is full')),
    };
    const other = new Core({ store: refusing, barrier, builtinPlugins: [], logger: silentLogger });
    other.install({ engines: new Map([['door', door]]) });
    await assert.rejects(other.services.mounts.enable('door', 'door', {}), { code: 'unavailable' });
    assert.deepEqual(table(other), []);
    assert.equal((await ask())['accessor'], accessor);
  });

  it('of another table at the same path are left alone by a change that comes late', async () => {
    await begin();
    const late = await coreOn(inner);
    await disable();
    await enable();
    const tuned = late.services.mounts.tune('door', (mount) => ({ ...mount, description: 'late' }));
    await assert.rejects(tuned, { code: 'invalid-request', message: 'no mount at door/' });
    await assertServedIsStored();
    await late.services.mounts.disable('door', async () => undefined);
    await assertServedIsStored();
    assert.equal((await ask())['description'], 'enabled');
  });

  it('of another node are not left open by one that ends while it learns of them, or has ended', async () => {
    let open = 0;
    const counted: EngineFactory = (context) => {
      open++;
      return { ...door(context), close: async () => void open-- };
    };
    const started = async (store: Store): Promise<{ made: Core; epochs: Epochs }> => {
      const epochs = new Epochs(store);
      const made = new Core({ store, barrier, epochs, builtinPlugins: [], logger: silentLogger });
      made.install({ engines: new Map([['door', counted]]) });
      await epochs.begin();
      await made.services.mounts.load();
      return { made, epochs };
    };
    let ending: Awaited<ReturnType<typeof started>>;
    const points = await steps.interleave({
      prepare: async () => {
        await begin();
        ending = await started(steppedStore(inner, steps));
        await core.services.mounts.enable('late', 'door', {});
      },
      stopped: () => ending.epochs.refresh(),
      meanwhile: () => ending.made.stop(),
      afterwards: async () => assert.equal(open, 0),
    });
    assert.ok(points.some(({ what }) => what.startsWith('SELECT path, value')));
  });
});
