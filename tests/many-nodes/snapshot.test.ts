/** Snapshots of a store that two nodes work on, while clients use both. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Api, textOf } from '../auth/api.ts';
import { connectionTo, SEED_CREATION } from '../dev-server.ts';
import { DurableHome, initialize, unseal } from '../durable-process.ts';
import { tryLogin } from '../logins.ts';
import { type Pair, startPair } from './nodes.ts';

const CLIENTS = 6;

describe('a snapshot of a store of two nodes', () => {
  let nodes: Pair;
  let one: Api;
  let other: Api;
  let directory: string;
  let file: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-snapshots-'));
    file = join(directory, 'a.snap');
    nodes = await startPair();
    ({ one, other } = nodes);
    await one.ok('POST', 'sys/mounts/database', { type: 'database' });
    await one.ok('POST', 'database/config/yb', {
      ...{ plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(nodes.database) },
    });
    await one.ok('POST', 'database/roles/app', {
      db_name: 'yb',
      creation_statements: SEED_CREATION,
      default_ttl: 3600,
    });
    await one.ok('PUT', 'sys/policies/acl/p', { policy: '# before' });
  });
  after(async () => {
    await nodes.stop();
    await rm(directory, { recursive: true });
  });

  const snapshot = async (...args: string[]): Promise<string> => {
    const { exit, stderr, stdout } = await nodes.all[0]!.server.run(['operator', 'snapshot', ...args], nodes.rootToken);
    assert.equal(exit, 0, stderr);
    return stdout;
  };
  const issue = async (api: Api): Promise<{ lease: string; user: string; password: string }> => {
    const { body, data } = await api.ok('GET', 'database/creds/app');
    return { lease: textOf(body['lease_id']), user: textOf(data['username']), password: textOf(data['password']) };
  };
  const leases = async (): Promise<number> => {
    const { data } = await one('LIST', 'sys/leases/lookup/database/creds/app');
    return Array.isArray(data['keys']) ? data['keys'].length : 0;
  };

  it('is taken while clients issue and revoke, and nobody notices', async () => {
    let over = false;
    let done = 0;
    const client = async (api: Api): Promise<void> => {
      while (!over) {
        const { lease } = await issue(api);
        await api.ok('PUT', 'sys/leases/revoke', { lease_id: lease });
        done++;
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_, index) => client(index % 2 === 0 ? one : other));
    const before = done;
    for (let round = 0; round < 3; round++) await snapshot('save', file);
    over = true;
    await Promise.all(clients);
    assert.ok(done > before + CLIENTS, `${done} were issued meanwhile`);
  });

  it('is in force on both nodes as soon as it was restored, and no login is forgotten', async () => {
    const known = await issue(one);
    await snapshot('save', file);
    await one.ok('PUT', 'sys/leases/revoke', { lease_id: known.lease });
    const since = await issue(other);
    await other.ok('POST', 'database/roles/app', {
      db_name: 'yb',
      creation_statements: SEED_CREATION,
      default_ttl: 60,
    });
    await one.ok('PUT', 'sys/policies/acl/p', { policy: '# after' });
    await one.ok('POST', 'sys/mounts/second', { type: 'database' });
    await other.ok('DELETE', 'sys/mounts/second');
    await one.ok('POST', 'sys/mounts/third', { type: 'database' });
    const token = textOf((await other.ok('POST', 'auth/token/create', {})).auth['client_token']);
    assert.ok(await one.alive(token));

    await snapshot('restore', file);
    for (const api of [other, one]) {
      assert.equal((await api.ok('GET', 'sys/policies/acl/p')).data['policy'], '# before');
      assert.equal((await api.ok('GET', 'database/roles/app')).data['default_ttl'], 3600);
      assert.equal((await api('GET', 'third/roles/x')).status, 404);
      assert.ok(!('third/' in (await api.ok('GET', 'sys/mounts')).data));
      assert.equal(await api.alive(token), false);
    }
    // It was issued after the snapshot, and is there: so is its lease.
    assert.deepEqual(await tryLogin(nodes.database, since.user, since.password), { user: since.user });
    await one.ok('PUT', 'sys/leases/lookup', { lease_id: since.lease });
    await other.ok('PUT', 'sys/leases/revoke', { lease_id: since.lease });
    assert.notDeepEqual(await tryLogin(nodes.database, since.user, since.password), { user: since.user });
    // It was over, and is over again.
    await one.ok('PUT', 'sys/leases/revoke', { lease_id: known.lease });
    const { user, password } = await issue(other);
    assert.deepEqual(await tryLogin(nodes.database, user, password), { user });
  });

  it('restores into a store file, and one of that into the database again', async () => {
    const issued = await leases();
    assert.ok(issued > 0);
    await snapshot('save', file);
    const home = await DurableHome.make();
    try {
      await home.configure(home.fileStorage);
      const server = await home.start();
      const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
      await unseal(server, keys);
      const run = async (token: string, ...args: string[]): Promise<void> => {
        const { exit, stderr } = await server.run(['operator', 'snapshot', ...args], token);
        assert.equal(exit, 0, stderr);
      };
      await run(root, 'restore', '-force', file);
      await unseal(server, nodes.keys);
      await server.client(nodes.rootToken).write('sys/policies/acl/p', { policy: '# by the file' });
      const back = join(directory, 'back.snap');
      await run(nodes.rootToken, 'save', back);
      await server.stop('SIGKILL');
      // It has the keys of this store.
      await snapshot('restore', back);
      assert.equal((await other.ok('GET', 'sys/policies/acl/p')).data['policy'], '# by the file');
      assert.equal(await leases(), issued);
    } finally {
      await home.remove();
    }
  });

  it('of other keys seals both nodes, until they get the shares of the snapshot', async () => {
    const home = await DurableHome.make();
    try {
      await home.configure(home.fileStorage);
      const server = await home.start();
      const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
      await unseal(server, keys);
      await server.client(root).write('sys/policies/acl/p', { policy: '# of another' });
      const foreign = join(directory, 'foreign.snap');
      assert.equal((await server.run(['operator', 'snapshot', 'save', foreign], root)).exit, 0);
      await snapshot('restore', '-force', foreign);
      for (const { server: node } of nodes.all) {
        const answer = await fetch(`${node.address}/v1/sys/mounts`, { headers: { 'x-vault-token': nodes.rootToken } });
        assert.equal(answer.status, 503);
        await unseal(node, keys);
        assert.equal((await node.client(root).read('sys/policies/acl/p'))?.data?.['policy'], '# of another');
      }
    } finally {
      await home.remove();
    }
  });
});
