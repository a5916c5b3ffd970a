/** What a seal leaves in the memory of a real server: nothing. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@coffer/testkit';
import { combineShares } from '../packages/core/src/seal/key-shares.ts';
import { openKeyring, openRootKey, type SealRecord } from '../packages/core/src/seal/seal-rows.ts';
import {
  DurableHome,
  type DurableServer,
  type Initialized,
  initialize,
  isSealed,
  runSealed,
  unseal,
} from './durable-process.ts';
import { findInMemory, formsOf } from './process-memory.ts';

describe('the memory of a server that was sealed', { skip: process.platform !== 'linux' }, () => {
  let home: DurableHome;
  beforeEach(async () => (home = await DurableHome.make()));
  afterEach(() => home.remove());

  /** Every key that the store is opened by, from a copy of it and the shares. */
  async function keysOf(shares: readonly Uint8Array[]): Promise<Map<string, Buffer>> {
    const copy = home.path('copy.db');
    await copyFile(home.storeFile, copy);
    await copyFile(`${home.storeFile}-wal`, `${copy}-wal`);
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(copy);
    const rows = database.prepare('SELECT name, value FROM keyring').all();
    database.close();
    const value = (name: string): Uint8Array => rows.find((row) => row['name'] === name)?.['value'] as Uint8Array;
    const record: SealRecord = {
      config: JSON.parse(Buffer.from(value('seal')).toString()) as SealRecord['config'],
      rootKey: value('root-key'),
      keyring: value('keyring'),
      version: 0,
    };
    const unsealKey = await combineShares(shares);
    const rootKey = openRootKey(unsealKey, record);
    const { keys, hmacKey } = openKeyring(rootKey, record);
    return new Map([
      ...formsOf('the unseal key', unsealKey),
      ...formsOf('the root key', rootKey),
      ...formsOf('the HMAC key', hmacKey),
      ...[...keys].flatMap(([term, { key }]) => [...formsOf(`the data key of term ${term}`, key)]),
    ]);
  }

  const starts = (server: DurableServer): number => server.output().match(/Vault server started/g)?.length ?? 0;

  /** Once the process is replaced; it takes a moment until all of its old memory is given back. */
  async function nothingIsFound(server: DurableServer, needles: ReadonlyMap<string, Buffer>): Promise<void> {
    await eventually(
      () => starts(server) > 1,
      () => server.output(),
    );
    let found: readonly string[] = [];
    await eventually(
      async () => (found = await findInMemory(server.child.pid ?? 0, needles)).length === 0,
      () => `found: ${found.join()}`,
      { everyMs: 500 },
    );
  }

  async function answers(server: DurableServer): Promise<void> {
    const answered = () =>
      isSealed(server).then(
        () => true,
        () => false,
      );
    await eventually(answered, 'the server comes back');
  }

  it('holds no key, no share, no token and no password, and the process is the same', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const { root_token: root, unseal_keys_hex: hex, unseal_keys_b64: base64 } = await initialize(server);
    await server.run(['operator', 'unseal', '-'], '', hex[0]);
    await server.run(['operator', 'unseal', '-'], '', base64[1]);
    const password = randomBytes(24);
    await server.client(root).write('sys/policies/acl/kept', { policy: `# ${password.toString('hex')}` });
    assert.equal((await server.run(['operator', 'rotate'], root)).exit, 0);
    await server.client(root).read('sys/policies/acl/kept');

    const shares = hex.map((share) => Buffer.from(share, 'hex'));
    const needles = new Map([
      ...(await keysOf(shares.slice(0, 2))),
      ...shares.flatMap((share, index) => [...formsOf(`share ${index}`, share)]),
      ...formsOf('a secret in the store', password),
      ['the root token', Buffer.from(root)],
    ]);
    const before = await findInMemory(server.child.pid ?? 0, needles);
    for (const name of ['the data key of term 2, raw', 'the HMAC key, raw', 'the root token']) {
      assert.ok(before.includes(name), `the scan finds ${name} while it is there`);
    }

    assert.equal((await server.run(['operator', 'seal'], root)).exit, 0);
    assert.match((await runSealed(server, ['status'])).stdout, /Sealed +true/);
    await nothingIsFound(server, needles);
    await answers(server);
    assert.equal(await isSealed(server), true);
    assert.equal(server.child.exitCode, null);
    assert.equal(server.output().match(/Vault server started/g)?.length, 2);

    await unseal(server, hex.slice(1));
    assert.ok((await server.client(root).read('sys/policies/acl/kept')) !== undefined);
    assert.equal(await server.stop('SIGTERM'), 0);
  });

  it('holds no static key, and stays sealed until it is started again', async () => {
    const key = randomBytes(32);
    home = await DurableHome.make({ COFFER_TEST_UNSEAL_KEY: key.toString('hex') });
    await home.configure(
      `${home.fileStorage}\nseal "static" { current_key_id = "a", current_key = "env://COFFER_TEST_UNSEAL_KEY" }`,
    );
    let server = await home.start();
    const made = await server.run(['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json']);
    const { root_token: root, recovery_keys_b64: recovery } = JSON.parse(made.stdout) as Initialized;
    const needles = formsOf('the static key', key);
    assert.ok((await findInMemory(server.child.pid ?? 0, needles)).length > 0);
    assert.equal((await server.run(['operator', 'seal'], root)).exit, 0);
    await nothingIsFound(server, needles);
    await answers(server);
    assert.equal(await isSealed(server), true);
    const refused = await server.run(['operator', 'unseal', recovery[0] ?? '']);
    assert.match(refused.stderr, /restart the server to unseal it/);
    assert.equal(await server.stop('SIGTERM'), 0);
    server = await home.start();
    assert.equal(await isSealed(server), false);
  });

  it('is replaced although strangers hand in shares all the time', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server);
    await unseal(server, keys.slice(0, 2));
    await server.client(root).request('PUT', 'sys/seal');
    await eventually(
      async () => {
        await unseal(server, [randomBytes(33).toString('hex')]).catch(() => undefined);
        return starts(server) > 1;
      },
      () => server.output(),
      { everyMs: 250 },
    );
    assert.equal(starts(server), 2);
    await answers(server);
    await server.client().request('PUT', 'sys/unseal', { body: { reset: true } });
    await unseal(server, keys.slice(1));
    assert.equal(await isSealed(server), false);
  });

  it('is replaced although a database hangs and somebody waits for it', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    await home.configure(home.fileStorage);
    const server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server);
    await unseal(server, keys.slice(0, 2));
    const client = server.client(root);
    await client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
    const config = {
      plugin_name: 'ysql-plugin',
      host: '127.0.0.1',
      port: (silent.address() as AddressInfo).port,
      username: 'nobody',
      password: 'in-vain',
      db: 'none',
      connect_timeout: '80s',
    };
    const connected = once(silent, 'connection');
    const waiting = client.request('POST', 'database/config/hangs', { body: config }).catch(() => undefined);
    await connected;
    const sealing = client.request('PUT', 'sys/seal').catch(() => undefined);
    // The database is given up by itself, after that.
    await eventually(() => starts(server) > 1, 'the next server', { patienceMs: 30_000 });
    assert.equal(starts(server), 2);
    await Promise.all([waiting, sealing]);
    await answers(server);
    await unseal(server, keys.slice(1));
    assert.equal(await isSealed(server), false);
    silent.close();
  });

  it('is not replaced when it was opened again at once', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server);
    await unseal(server, keys.slice(0, 2));
    await server.client(root).request('PUT', 'sys/seal');
    await unseal(server, keys.slice(1));
    await sleep(4_000);
    assert.equal(await isSealed(server), false);
    assert.equal(starts(server), 1);
  });
});
