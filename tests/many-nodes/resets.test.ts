/** What is reset or reloaded through one node is closed on every other before its next request. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dropAdmin, eventually, makeAdmin } from '@coffer/testkit';
import type { Api } from '../auth/api.ts';
import { connectionTo, SEED_CREATION } from '../dev-server.ts';
import { putPlugin, runningPlugins } from '../plugin-file.ts';
import { type Pair, startPair } from './nodes.ts';

const HERE = { user: 'reset_admin', password: 'reset' };
const THERE = { user: 'other_admin', password: 'other' };

const WAYS: Readonly<Record<string, (api: Api) => Promise<unknown>>> = {
  reset: (api) => api.ok('POST', 'database/reset/yb', {}),
  'reload of the plugin in the mount': (api) => api.ok('POST', 'database/reload/ysql-plugin', {}),
  'reload of the plugin everywhere': (api) => api.ok('PUT', 'sys/plugins/reload/backend', { plugin: 'ysql-plugin' }),
  'reload of the plugin by its type': (api) => api.ok('POST', 'sys/plugins/reload/database/ysql-plugin', {}),
  'reload of the mount': (api) => api.ok('PUT', 'sys/plugins/reload/backend', { mounts: 'database' }),
  'reload of the engine': (api) => api.ok('PUT', 'sys/plugins/reload/backend', { plugin: 'database' }),
  'deletion of the configuration': (api) => api.ok('DELETE', 'database/config/yb'),
  'end of the mount': (api) => api.ok('DELETE', 'sys/mounts/database'),
};

const MINE = 'a-plugin-of-its-own';
/** Other mounts keep what they have of it. */
const RELOADS: Readonly<Record<string, (api: Api) => Promise<unknown>>> = {
  'the plugin in the mount': (api) => api.ok('POST', `database/reload/${MINE}`, {}),
  'the plugin everywhere': (api) => api.ok('PUT', 'sys/plugins/reload/backend', { plugin: MINE }),
  'the plugin by its type': (api) => api.ok('POST', `sys/plugins/reload/database/${MINE}`, {}),
  'the mount': (api) => api.ok('PUT', 'sys/plugins/reload/backend', { mounts: 'database' }),
};

describe('on another node', () => {
  let nodes: Pair;
  let one: Api;
  let other: Api;
  before(async () => {
    nodes = await startPair();
    ({ one, other } = nodes);
    for (const login of [HERE, THERE]) await makeAdmin(nodes.database, login);
  });
  after(async () => {
    for (const { user } of [HERE, THERE]) await dropAdmin(nodes.database, user);
    await nodes.stop();
  });

  /** The processes of the database that serve one of the two admins. */
  const sessions = async ({ user }: typeof HERE): Promise<unknown[]> => {
    const rows = await nodes.database.query('SELECT pid FROM pg_stat_activity WHERE usename = $1', [user]);
    return rows.map(({ pid }) => pid);
  };
  const setUp = async (): Promise<void> => {
    await one.ok('POST', 'sys/mounts/database', { type: 'database' });
    for (const [name, login] of [['yb', HERE] as const, ['untouched', THERE] as const]) {
      await one.ok('POST', `database/config/${name}`, {
        ...{ plugin_name: name === 'yb' ? 'ysql-plugin' : 'postgresql-ysql-plugin', allowed_roles: '*' },
        ...{ ...connectionTo(nodes.database), username: login.user, password: login.password },
      });
      await one.ok('POST', `database/roles/${name}`, { db_name: name, creation_statements: SEED_CREATION });
    }
    // It closes what was of the last mount.
    await other.ok('GET', 'auth/token/lookup-self');
    // What this node has open is not what the test is about.
    for (const name of ['yb', 'untouched']) await one.ok('POST', `database/reset/${name}`, {});
    const none = async (): Promise<boolean> => [...(await sessions(HERE)), ...(await sessions(THERE))].length === 0;
    await eventually(none, 'the end of every session');
    for (const name of ['yb', 'untouched']) await other.ok('GET', `database/creds/${name}`);
  };

  describe('a plugin with a process of its own, which serves two connections,', () => {
    const running = (): Promise<number[]>[] => nodes.all.map(({ server }) => runningPlugins(server.child.pid ?? 0));
    before(async () => {
      const sha256 = await putPlugin(nodes.pluginDirectory);
      await one.ok('PUT', `sys/plugins/catalog/database/${MINE}`, { command: 'ysql-plugin', sha256 });
      await one.ok('POST', 'sys/mounts/database', { type: 'database' });
      for (const name of ['yb', 'second']) {
        const config = { plugin_name: MINE, allowed_roles: '*', ...connectionTo(nodes.database) };
        await one.ok('POST', `database/config/${name}`, config);
        await one.ok('POST', `database/roles/${name}`, { db_name: name, creation_statements: SEED_CREATION });
      }
    });
    after(async () => {
      await one.ok('PUT', 'sys/leases/revoke-prefix/database');
      await one.ok('DELETE', 'sys/mounts/database');
    });

    for (const [what, reload] of Object.entries(RELOADS)) {
      it(`has a new process for whoever asks after the reload of ${what}`, async () => {
        const use = () =>
          Promise.all(
            [one, other].flatMap((api) => ['yb', 'second'].map((name) => api.ok('GET', `database/creds/${name}`))),
          );
        await use();
        const before = (await Promise.all(running())).flat();
        assert.equal(before.length, 2);
        await reload(one);
        await use();
        await eventually(async () => {
          const now = await Promise.all(running());
          return now.every((pids) => pids.length === 1) && !now.flat().some((pid) => before.includes(pid));
        }, 'one new process on each node, and the end of the old ones');
      });
    }
  });

  for (const [way, act] of Object.entries(WAYS)) {
    it(`the ${way} ends the sessions of the connection`, async () => {
      await setUp();
      const before = await sessions(HERE);
      const untouched = await sessions(THERE);
      assert.ok(before.length > 0 && untouched.length > 0);
      await act(one);
      await other.ok('GET', 'auth/token/lookup-self');
      await eventually(async () => {
        const now = await sessions(HERE);
        return before.every((pid) => !now.includes(pid));
      }, 'the end of the sessions');
      if (/^reset|^deletion|plugin/.test(way)) assert.deepEqual(await sessions(THERE), untouched);
      if (!/^deletion|^end/.test(way)) await other.ok('GET', 'database/creds/yb');
      await one.ok('PUT', 'sys/leases/revoke-force/database');
      await one.ok('DELETE', 'sys/mounts/database');
    });
  }
});
