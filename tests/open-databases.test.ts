/** The database that a request gets is one of the configuration as it was last written, wherever a request or a write stands. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError, type JsonObject, silentLogger } from '@coffer/base';
import { Barrier, Core, createKeyring, createRootToken } from '@coffer/core';
import { createDatabaseEngine } from '@coffer/engine-database';
import type { IncomingRequest } from '@coffer/framework';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Steps, steppedStore } from '@coffer/testkit';
import { textOf } from './auth/api.ts';
import { fakeDatabases } from './fake-databases.ts';

describe('the open databases of a mount', () => {
  let inner: Store;
  let core: Core;
  let root: string;
  const barrier = new Barrier(createKeyring());
  const steps = new Steps();
  const { databases, plugins, open } = fakeDatabases(steps);

  before(async () => (inner = await openEmbeddedStore({ path: ':memory:' })));
  after(async () => {
    await core.stop();
    assert.equal(open.size, 0);
    await inner.close();
  });

  const begin = async (): Promise<void> => {
    if (core !== undefined) await core.stop();
    assert.equal(open.size, 0, 'none is left open by what was before');
    for (const table of ['mounts', 'entries', 'leases', 'tokens', 'intents']) await inner.run(`DELETE FROM ${table}`);
    databases.passwords = { old: 'chosen', new: 'chosen' };
    databases.crashes = 0;
    // Not started: its expiration would make calls of its own.
    core = new Core({ store: steppedStore(inner, steps), barrier, builtinPlugins: [], logger: silentLogger });
    const generatePassword = () => core.services.passwordPolicies.generate('');
    core.install({ engines: new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]) });
    await core.services.mounts.enable('database', 'database', {});
    root = (await createRootToken(core.services.tokens)).reveal();
    await write('config/yb', {
      plugin_name: 'fake',
      allowed_roles: 'app',
      ...{ host: 'old', username: 'admin', password: 'chosen', username_template: 'first' },
    });
    await write('roles/app', { db_name: 'yb', creation_statements: 'CREATE ROLE "{{name}}"' });
  };
  /** With no database open, as at the start of a server. */
  const beginCold = async (): Promise<void> => {
    await begin();
    const { mounts } = core.services;
    await mounts.reload('fake', []);
    assert.equal(open.size, 0);
  };
  const send = async (operation: IncomingRequest['operation'], path: string, data: JsonObject = {}) => {
    const base = { id: '', token: root, remoteAddress: '' } as const;
    return (await core.handle({ ...base, operation, path: `database/${path}`, data }))?.data ?? {};
  };
  const write = (path: string, data: JsonObject = {}) => send('update', path, data);
  const use = async (): Promise<string> => textOf((await send('read', 'creds/app'))['username']);
  const unlessGone = (work: Promise<unknown>) =>
    work.catch((error: unknown) => assert.match(CofferError.from(error).message, /failed to find entry|unknown role/));

  const served = (name: string) => async () => {
    assert.equal(await use(), name);
    assert.equal(open.size, 1, 'one is open');
  };
  const unused = async (): Promise<void> => {
    await assert.rejects(use(), /failed to find entry for connection/);
    assert.equal(open.size, 0, 'none is open');
  };
  /** A crash at the first use: the database is opened a second time. */
  const useTwice = async () => {
    databases.crashes = 1;
    await use();
  };

  for (const [how, prepare, user] of [
    ['that opens it', beginCold, use],
    ['that has it open', begin, use],
    ['whose plugin has ended', begin, useTwice],
  ] as const) {
    it(`are of the configuration last written, wherever a user stands ${how}`, async () => {
      const renamed = served('new-second');
      const points = await steps.interleave({
        prepare,
        stopped: user,
        meanwhile: () => write('config/yb', { host: 'new', username_template: 'second' }),
        whileStopped: async () => {
          databases.crashes = 0;
          await renamed();
        },
        afterwards: renamed,
      });
      assert.ok(points.length >= 10, `${points.length} points`);
    });

    it(`are gone with their configuration, wherever a user stands ${how}`, async () => {
      await steps.interleave({
        prepare,
        stopped: user,
        meanwhile: () => send('delete', 'config/yb'),
        whileStopped: async () => {
          await assert.rejects(use(), /failed to find entry for connection/);
        },
        afterwards: unused,
      });
    });

    it(`log in with a password that was rotated, wherever a user stands ${how}`, async () => {
      await steps.interleave({
        prepare,
        stopped: user,
        meanwhile: async () => {
          await write('rotate-root/yb');
          databases.crashes = 0;
        },
        whileStopped: served('old-first'),
        afterwards: served('old-first'),
      });
    });
  }

  it('are of the configuration last written, whoever uses them before, during and after it', async () => {
    for (const prepare of [begin, beginCold]) {
      await steps.interleave({
        prepare,
        stopped: () => write('config/yb', { host: 'new', username_template: 'second' }),
        meanwhile: use,
        afterwards: served('new-second'),
      });
      await steps.interleave({
        prepare,
        stopped: () => send('delete', 'config/yb'),
        meanwhile: () => unlessGone(use()),
        afterwards: unused,
      });
    }
  });

  it('are not closed under those who use them, wherever these stand', async () => {
    const writes = [{ host: 'new', username_template: 'second' }, { max_open_connections: 7 }];
    const changes = [...writes.map((data) => () => write('config/yb', data)), () => write('reset/yb')];
    for (const change of changes) {
      let failure: unknown;
      await steps.interleave({
        prepare: begin,
        stopped: async () => {
          failure = undefined;
          await use().catch((error: unknown) => (failure = error));
        },
        meanwhile: change,
        afterwards: async () => assert.equal(failure, undefined),
      });
    }
  });

  it('log in with a password that was rotated, whoever uses them before, during and after it', async () => {
    await steps.interleave({
      prepare: begin,
      stopped: () => write('rotate-root/yb'),
      meanwhile: use,
      afterwards: served('old-first'),
    });
  });

  it('are opened again when they are reset, wherever a user or a write stands', async () => {
    for (const [stopped, meanwhile] of [
      [use, () => write('reset/yb')],
      [() => write('reset/yb'), use],
      [() => write('reset/yb'), () => write('config/yb', { host: 'new', username_template: 'second' })],
      [() => write('config/yb', { host: 'new', username_template: 'second' }), () => write('reset/yb')],
    ] as const) {
      await steps.interleave({
        prepare: beginCold,
        stopped,
        meanwhile,
        afterwards: async () => {
          const config = (await send('read', 'config/yb'))['connection_details'] as JsonObject;
          await served(config['host'] === 'new' ? 'new-second' : 'old-first')();
        },
      });
    }
  });

  it('are none once their mount is disabled, wherever a user or a write stands', async () => {
    const disable = () => core.services.mounts.disable('database', (path) => core.services.leases.revokePrefix(path));
    for (const stopped of [use, useTwice, () => write('config/yb', { host: 'new' }), () => write('reset/yb')]) {
      await steps.interleave({
        prepare: beginCold,
        stopped,
        meanwhile: disable,
        afterwards: async () => assert.equal(open.size, 0),
      });
    }
  });

  it('follow a configuration that another has written, or whose write was not answered', async () => {
    await begin();
    assert.equal(await use(), 'old-first');
    const other = core;
    const second = new Core({ store: inner, barrier, builtinPlugins: [], logger: silentLogger });
    const generatePassword = () => second.services.passwordPolicies.generate('');
    second.install({ engines: new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]) });
    await second.services.mounts.load();
    core = second;
    await write('config/yb', { host: 'new', username_template: 'second' });
    core = other;
    assert.equal(await use(), 'new-second');
    await second.stop();
  });
});
