/** What another node changes in the middle of a request is neither missed nor undone by it, wherever the request stands. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError, type JsonObject, silentLogger } from '@coffer/base';
import { Barrier, Core, createKeyring, createRootToken } from '@coffer/core';
import { createDatabaseEngine } from '@coffer/engine-database';
import type { IncomingRequest } from '@coffer/framework';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Steps, steppedStore } from '@coffer/testkit';
import { textOf } from '../auth/api.ts';
import { fakeDatabases } from '../fake-databases.ts';

describe('a request that another node overtakes', () => {
  let inner: Store;
  /** Two nodes: requests of the one are stopped, those of the other are not. */
  let one: Core;
  let other: Core;
  let root: string;
  const barrier = new Barrier(createKeyring());
  const steps = new Steps();
  const { databases, plugins } = fakeDatabases(steps);
  /** The same servers. */
  const unstopped = fakeDatabases(new Steps(), databases);

  before(async () => (inner = await openEmbeddedStore({ path: ':memory:' })));
  const stop = () => Promise.all([one, other].map((core) => core?.stop()));
  after(async () => {
    await stop();
    await inner.close();
  });

  const coreOn = (store: Store, of: typeof plugins): Core => {
    const core = new Core({ store, barrier, builtinPlugins: [], logger: silentLogger });
    const generatePassword = () => core.services.passwordPolicies.generate('');
    core.install({ engines: new Map([['database', createDatabaseEngine({ plugins: of, generatePassword })]]) });
    return core;
  };
  const sendTo =
    (core: Core) =>
    async (operation: IncomingRequest['operation'], path: string, data: JsonObject = {}) =>
      (await core.handle({ id: '', token: root, remoteAddress: '', operation, path: `database/${path}`, data }))
        ?.data ?? {};
  const here = (...request: Parameters<ReturnType<typeof sendTo>>) => sendTo(one)(...request);
  const there = (...request: Parameters<ReturnType<typeof sendTo>>) => sendTo(other)(...request);

  const begin = async (): Promise<void> => {
    await stop();
    for (const table of ['mounts', 'entries', 'leases', 'tokens', 'intents']) await inner.run(`DELETE FROM ${table}`);
    databases.passwords = { old: 'chosen', new: 'chosen' };
    // What changed is read once for all who wait for it: nobody is stopped there.
    one = coreOn(steppedStore(inner, steps, /^(?!SELECT epoch, node, what)/), plugins);
    other = coreOn(inner, unstopped.plugins);
    await other.services.mounts.enable('database', 'database', {});
    await one.services.mounts.load();
    root = (await createRootToken(other.services.tokens)).reveal();
    await there('update', 'config/yb', {
      plugin_name: 'fake',
      allowed_roles: '*',
      ...{ host: 'old', username: 'admin', password: 'chosen', username_template: 'first' },
    });
    await there('update', 'roles/app', { db_name: 'yb', creation_statements: 'CREATE ROLE "{{name}}"' });
    await there('update', 'static-roles/s', {
      ...{ db_name: 'yb', username: 'before', password: 'chosen', skip_import_rotation: true, rotation_period: '1h' },
    });
    // Everything is kept that can be.
    assert.equal(await use(here), 'old-first');
    await here('read', 'static-creds/s');
  };
  const use = async (node: typeof here): Promise<string> => textOf((await node('read', 'creds/app'))['username']);
  let failure: unknown;
  const noted = (work: () => Promise<unknown>) => async (): Promise<void> => {
    failure = undefined;
    await work().catch((error: unknown) => (failure = error));
  };
  const bothServe = async (): Promise<void> => {
    assert.equal(failure, undefined);
    for (const node of [here, there]) {
      assert.equal(await use(node), 'old-first');
      await node('update', 'reset/yb');
      assert.equal(await use(node), 'old-first');
    }
  };

  it('issues with the password that was rotated', async () => {
    const points = await steps.interleave({
      prepare: begin,
      stopped: noted(() => use(here)),
      meanwhile: () => there('update', 'rotate-root/yb'),
      afterwards: bothServe,
    });
    assert.ok(points.length >= 6, `${points.length} points`);
  });

  it('rotates the password as well', async () => {
    await steps.interleave({
      prepare: begin,
      stopped: noted(() => here('update', 'rotate-root/yb')),
      meanwhile: () => there('update', 'rotate-root/yb'),
      afterwards: bothServe,
    });
  });

  it('writes the configuration, and does not take the rotated password back', async () => {
    await steps.interleave({
      prepare: begin,
      stopped: noted(() => here('update', 'config/yb', { max_open_connections: 7 })),
      meanwhile: () => there('update', 'rotate-root/yb'),
      afterwards: async () => {
        await bothServe();
        const details = (await there('read', 'config/yb'))['connection_details'] as JsonObject;
        assert.equal(details['max_open_connections'], 7);
      },
    });
  });

  it('shows a static role with the password of its own login, whatever becomes of the name', async () => {
    let shown: JsonObject = {};
    await steps.interleave({
      prepare: begin,
      stopped: async () => (shown = await here('read', 'static-creds/s')),
      meanwhile: async () => {
        await there('delete', 'static-roles/s');
        await there('update', 'static-roles/s', { db_name: 'yb', username: 'after', rotation_period: '1h' });
      },
      afterwards: async () => {
        // The password of the first login was given, that of the second was made.
        if (shown['username'] !== undefined)
          assert.equal(shown['password'] === 'chosen', shown['username'] === 'before');
        const now = await here('read', 'static-creds/s');
        assert.equal(now['username'], 'after');
        shown = {};
      },
    });
  });

  it('rotates no login that a static role has left', async () => {
    await steps.interleave({
      prepare: begin,
      stopped: () => here('update', 'static-roles/s', { rotation_period: '2h' }),
      meanwhile: async () => {
        await there('delete', 'static-roles/s');
        await there('update', 'static-roles/s', { db_name: 'yb', username: 'after', rotation_period: '1h' });
      },
      afterwards: async () => {
        for (const node of [here, there]) assert.equal((await node('read', 'static-creds/s'))['username'], 'after');
      },
    });
  });

  it('is refused where the connection is gone', async () => {
    await steps.interleave({
      prepare: begin,
      stopped: noted(() => use(here)),
      meanwhile: () => there('delete', 'config/yb'),
      afterwards: async () => {
        if (failure !== undefined) assert.match(CofferError.from(failure).message, /failed to find entry/);
        await assert.rejects(use(here), /failed to find entry/);
        await assert.rejects(use(there), /failed to find entry/);
      },
    });
  });
});
