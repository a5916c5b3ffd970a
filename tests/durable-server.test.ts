/** A server whose state outlives it: real processes, killed and started again, on both storage engines. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificateAuthority, databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { configure, type Issued, issue } from './dev-server.ts';
import { coffer } from './coffer-process.ts';
import { DurableHome, initialize, isSealed, unseal } from './durable-process.ts';
import { tryLogin } from './logins.ts';

describe('a server with a configuration file', () => {
  let database: TestDatabase;
  let home: DurableHome;
  before(async () => (database = await databaseUnderTest()));
  after(() => database.stop());
  beforeEach(async () => (home = await DurableHome.make()));
  afterEach(() => home.remove());

  const connection = () => ({
    connection_url: `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}`,
    username: database.user,
    password: database.password,
  });

  async function canLogIn({ username, password }: Issued): Promise<boolean> {
    return 'user' in (await tryLogin(database, username, password));
  }

  async function keepsEverything(): Promise<void> {
    let server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server);
    assert.equal(await isSealed(server), true);
    await unseal(server, keys.slice(0, 2));
    const client = server.client(root);
    await configure(client, connection());
    await client.write('sys/policies/acl/app', { policy: 'path "database/creds/*" { capabilities = ["read"] }' });
    const made = await client.write('auth/token/create', { policies: ['app'], ttl: '1h' });
    const token = String(made?.auth?.clientToken);
    const credentials = await issue(client);
    assert.equal(await server.stop('SIGKILL'), -1);

    server = await home.start();
    assert.equal(await isSealed(server), true);
    await assert.rejects(server.client(root).read('database/creds/my-first-role'), /Vault is sealed/);
    await unseal(server, keys.slice(1, 3));
    const later = server.client(root);
    const lease = await later.write('sys/leases/lookup', { lease_id: credentials.leaseId });
    assert.equal(lease?.data?.['id'], credentials.leaseId);
    assert.ok(await canLogIn(credentials));
    const byToken = await issue(server.client(token));
    assert.notEqual(byToken.username, credentials.username);
    await assert.rejects(server.client(token).read('sys/mounts'), /permission denied/);
    await later.write('sys/leases/revoke', { lease_id: credentials.leaseId, sync: true });
    assert.equal(await canLogIn(credentials), false);

    assert.equal(await server.stop('SIGTERM'), 0);
    assert.ok(await canLogIn(byToken), 'a graceful stop revokes nothing');
    server = await home.start();
    await unseal(server, keys.slice(0, 2));
    await server.client(root).request('PUT', 'sys/leases/revoke-prefix/database/creds', { body: { sync: true } });
    assert.equal(await canLogIn(byToken), false);
    assert.equal(await server.stop('SIGTERM'), 0);
  }

  it('keeps roles, leases, tokens and policies over kill -9, in a file', async () => {
    await home.configure(home.fileStorage);
    await keepsEverything();
  });

  it('keeps roles, leases, tokens and policies over kill -9, in a database', async () => {
    await database.query(`CREATE DATABASE coffer_durable OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = '/coffer_durable';
    await home.configure(`storage "yugabytedb" { connection_url = ${JSON.stringify(url.toString())} }`);
    try {
      await keepsEverything();
    } finally {
      await home.remove();
      await database.query('DROP DATABASE coffer_durable');
    }
  });

  it('revokes after the restart what ended while it was away', async () => {
    await home.configure(home.fileStorage);
    let server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
    await unseal(server, keys);
    await configure(server.client(root), connection(), { default_ttl: '1s', max_ttl: '1s' });
    const credentials = await issue(server.client(root));
    await server.stop('SIGKILL');
    await sleep(1_100);
    server = await home.start();
    await unseal(server, keys);
    await eventually(async () => {
      const rows = await database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [credentials.username]);
      return rows.length === 0;
    }, 'the end of the login of the lease that ended');
  });

  it('is of no use without the key, and names a row that was altered or moved', async () => {
    await home.configure(home.fileStorage);
    let server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
    await unseal(server, keys);
    await configure(server.client(root), connection());
    const { password, username } = await issue(server.client(root));
    await server.client(root).write('database/roles/other', { db_name: 'yugabytedb', creation_statements: 'SELECT 1' });
    await server.stop('SIGTERM');

    const bytes = await readFile(home.storeFile);
    for (const secret of [password, username, root, keys[0] ?? '', 'CREATE ROLE']) {
      for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]) {
        assert.ok(!bytes.includes(form), `the store shows ${secret}`);
      }
    }
    const copied = await DurableHome.make();
    try {
      await mkdir(copied.path('data'));
      await copyFile(home.storeFile, copied.storeFile);
      await copied.configure(copied.fileStorage);
      const thief = await copied.start();
      const wrong = { key: randomBytes(Buffer.from(keys[0] ?? '', 'base64').length).toString('base64') };
      await assert.rejects(thief.client().request('PUT', 'sys/unseal', { body: wrong }), /Unseal failed, invalid key/);
      await assert.rejects(thief.client(root).read('sys/mounts'), /Vault is sealed/);
      await thief.stop('SIGTERM');
    } finally {
      await copied.remove();
    }

    const { DatabaseSync } = await import('node:sqlite');
    const file = new DatabaseSync(home.storeFile);
    const rows = file.prepare("SELECT mount, value FROM entries WHERE name = 'roles/other'").all();
    file
      .prepare("UPDATE entries SET value = $1 WHERE name = 'roles/my-first-role'")
      .run({ $1: rows[0]?.['value'] as Uint8Array });
    file.close();
    server = await home.start();
    await unseal(server, keys);
    await assert.rejects(
      server.client(root).read('database/creds/my-first-role'),
      /failed to decrypt row entries\/[^ ]+\/roles\/my-first-role: it was altered, moved/,
    );
    await server.stop('SIGTERM');

    const again = new DatabaseSync(home.storeFile);
    again
      .prepare(
        `UPDATE keyring SET value = CAST('{"type":"shamir","shares":2,"threshold":1}' AS BLOB) WHERE name = 'seal'`,
      )
      .run();
    again.close();
    server = await home.start();
    await assert.rejects(unseal(server, keys), /invalid key: it has 32 bytes, but a share of this key has 33/);
  });

  it('says what is wrong with the store file', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    await assert.rejects(home.start(), /another process has it open/);
    await server.stop('SIGTERM');
    await writeFile(home.storeFile, (await readFile(home.storeFile)).subarray(0, 9_000));
    await assert.rejects(home.start(), /the store at .*coffer\.db: the file is damaged.*restore a backup/);
    await writeFile(home.storeFile, '');
    await assert.rejects(home.start(), /is empty: it was cut off/);
  });

  it('says what is wrong with the configuration, and where', async () => {
    await home.configure(`${home.fileStorage}\nmax_lease_tl = "1h"`);
    await assert.rejects(
      home.start(),
      /coffer\.hcl:3:1: "max_lease_tl" is not known here; known are listener, .*; did you mean "max_lease_ttl"\?/,
    );
    const { exit, stderr } = await coffer(['server']);
    assert.equal(exit, 1);
    assert.match(stderr, /Must specify a configuration file with -config/);
  });

  it('takes its lease limits from the configuration, here in JSON', async () => {
    await writeFile(
      home.path('coffer.hcl'),
      JSON.stringify({
        listener: { tcp: { address: '127.0.0.1:0', tls_disable: 1 } },
        storage: { file: { path: home.path('data') } },
        default_lease_ttl: '10m',
        max_lease_ttl: '20m',
      }),
    );
    const server = await home.start();
    const { root_token: root, unseal_keys_hex: keys } = await initialize(server, 1, 1);
    await unseal(server, keys);
    await configure(server.client(root), connection(), { default_ttl: 0, max_ttl: 0 });
    const answer = await server.client(root).read('database/creds/my-first-role');
    assert.equal(answer?.leaseDuration, 600);
    const tune = await server.client(root).read('sys/mounts/database/tune');
    assert.equal(tune?.data?.['max_lease_ttl'], 1200);
  });

  it('reads its certificate again at SIGHUP', async () => {
    const authority = await createCertificateAuthority();
    const put = async (): Promise<string> => {
      const issued = await authority.issue({ commonName: 'coffer', ipAddresses: ['127.0.0.1'] });
      await writeFile(home.path('cert.pem'), issued.certificatePem);
      await writeFile(home.path('key.pem'), issued.privateKeyPem);
      return issued.certificatePem;
    };
    const first = await put();
    await home.configure(
      home.fileStorage,
      `listener "tcp" { address = "127.0.0.1:0", tls_cert_file = "${home.path('cert.pem')}", tls_key_file = "${home.path('key.pem')}" }`,
    );
    const server = await home.start();
    const { port } = new URL(server.address);
    const shown = (): Promise<string> =>
      new Promise((done, fail) => {
        const socket = connect({ host: '127.0.0.1', port: Number(port), ca: authority.certificatePem }, () => {
          const { raw } = socket.getPeerCertificate();
          socket.end();
          done(raw.toString('base64'));
        });
        socket.on('error', fail);
      });
    const bodyOf = (pem: string): string =>
      (/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/.exec(pem)?.[1] ?? '').replace(/\s/g, '');
    assert.equal(await shown(), bodyOf(first));
    const second = await put();
    const reloaded = async (pattern: RegExp): Promise<void> => {
      server.child.kill('SIGHUP');
      await eventually(
        () => pattern.test(server.output()),
        () => server.output(),
      );
    };
    await reloaded(/reloaded the certificate/);
    assert.equal(await shown(), bodyOf(second));
    await writeFile(home.path('key.pem'), 'no key');
    await reloaded(/failed to reload the certificate; the old one stays in use/);
    assert.equal(await shown(), bodyOf(second));
    assert.equal(await server.stop('SIGTERM'), 0);
  });
});
