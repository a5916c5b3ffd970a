/** A rotation of a connection's own user through one node while another one uses it: nobody notices. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dropAdmin, makeAdmin } from '@coffer/testkit';
import { type Api, textOf } from '../auth/api.ts';
import { connectionTo, SEED_CREATION } from '../dev-server.ts';
import { tryLogin } from '../logins.ts';
import { type Pair, startPair } from './nodes.ts';

const ADMIN = { user: 'rotated_admin', password: 'first' };
const CLIENTS = 8;
const ROTATIONS = 4;

describe("while one node rotates a connection's own user, another", () => {
  let nodes: Pair;
  let one: Api;
  let other: Api;
  before(async () => {
    nodes = await startPair();
    ({ one, other } = nodes);
    await makeAdmin(nodes.database, ADMIN);
    await one.ok('POST', 'sys/mounts/database', { type: 'database' });
  });
  after(async () => {
    await dropAdmin(nodes.database, ADMIN.user);
    await nodes.stop();
  });

  /** The password that the configuration holds is not shown: whoever wants another session needs the right one. */
  const configure = async (name: string, settings: object): Promise<void> => {
    await nodes.database.query(`ALTER ROLE ${ADMIN.user} PASSWORD '${ADMIN.password}'`);
    await one.ok('POST', `database/config/${name}`, {
      ...{ plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(nodes.database) },
      ...{ username: ADMIN.user, password: ADMIN.password, ...settings },
    });
    await one.ok('POST', `database/roles/${name}`, { db_name: name, creation_statements: SEED_CREATION });
  };
  /** Runs `work` by many clients at once until `until` is over. Their first failure fails it. */
  const underLoad = async (work: () => Promise<unknown>, until: () => Promise<unknown>): Promise<number> => {
    let over = false;
    let done = 0;
    const client = async (): Promise<void> => {
      try {
        for (; !over; done++) await work();
      } finally {
        over = true;
      }
    };
    const ended = until().finally(() => (over = true));
    await Promise.all([ended, ...Array.from({ length: CLIENTS }, client)]);
    return done;
  };
  const issue = async (api: Api, name: string): Promise<void> => {
    const { data } = await api.ok('GET', `database/creds/${name}`);
    const username = textOf(data['username']);
    assert.deepEqual(await tryLogin(nodes.database, username, textOf(data['password'])), { user: username });
  };
  const rotate = async (api: Api, name: string): Promise<void> => {
    for (let i = 0; i < ROTATIONS; i++) await api.ok('POST', `database/rotate-root/${name}`, {});
  };

  for (const [how, settings] of [
    ['with few sessions', {}],
    ['with a session for each client', { max_open_connections: CLIENTS }],
    // Each request then logs in anew.
    ['that keeps no session', { max_open_connections: CLIENTS, max_idle_connections: -1 }],
  ] as const) {
    it(`issues and revokes ${how}`, async () => {
      await configure('busy', settings);
      await issue(other, 'busy');
      const done = await underLoad(
        () => issue(other, 'busy'),
        () => rotate(one, 'busy'),
      );
      assert.ok(done >= CLIENTS, `${done} issued meanwhile`);
      // A new session has the new password.
      await other.ok('POST', 'database/reset/busy', {});
      await issue(other, 'busy');
      await issue(one, 'busy');
      const refused = await tryLogin(nodes.database, ADMIN.user, ADMIN.password);
      assert.ok(
        'refusal' in refused && /password authentication failed/.test(refused.refusal),
        JSON.stringify(refused),
      );
      await other.ok('PUT', 'sys/leases/revoke-prefix/database/creds/busy', { sync: true });
    });
  }

  it('rotates it as well, one after the other, and both go on', async () => {
    await configure('both', { max_open_connections: CLIENTS });
    await underLoad(
      () => issue(Math.random() < 0.5 ? one : other, 'both'),
      () => Promise.all([rotate(one, 'both'), rotate(other, 'both')]),
    );
    for (const api of [one, other]) {
      await api.ok('POST', 'database/reset/both', {});
      await issue(api, 'both');
    }
    await one.ok('PUT', 'sys/leases/revoke-prefix/database/creds/both', { sync: true });
  });
});
