/** A server whose state outlives it: real processes, killed and started again, on both storage engines. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificateAuthority, databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { configure, type Issued, issue } from './dev-server.ts';
import { coffer } from './coffer-process.ts';
import { DurableHome, type DurableServer } from './durable-process.ts';
import { tryLogin } from './logins.ts';

interface Initialized {
  readonly unseal_keys_b64: readonly string[];
  readonly unseal_keys_hex: readonly string[];
  readonly recovery_keys_b64: readonly string[];
  readonly root_token: string;
}

async function initialize(server: DurableServer, shares = 3, threshold = 2): Promise<Initialized> {
  const args = ['operator', 'init', `-key-shares=${shares}`, `-key-threshold=${threshold}`, '-format=json'];
  const { stdout, stderr, exit } = await server.run(args);
  assert.equal(exit, 0, stderr);
  return JSON.parse(stdout) as Initialized;
}

async function unseal(server: DurableServer, shares: readonly string[]): Promise<void> {
  for (const key of shares) await server.client().request('PUT', 'sys/unseal', { body: { key } });
}

async function isSealed(server: DurableServer): Promise<unknown> {
  const { body } = await server.client().request('GET', 'sys/seal-status');
  return (body as { sealed: boolean }).sealed;
}

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
    await database.query('CREATE DATABASE coffer_durable');
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
    for (let tries = 0; tries < 100; tries++) {
      const rows = await database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [credentials.username]);
      if (rows.length === 0) return;
      await sleep(50);
    }
    assert.fail('the login of the lease that ended is still there');
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
      const wrong = { key: randomBytes(32).toString('base64') };
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
      /the row entries\/[^ ]+\/roles\/my-first-role does not open: it was altered, moved/,
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
    await assert.rejects(unseal(server, keys), /Unseal failed, invalid key/);
  });

  it('says what is wrong with the store file', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    await assert.rejects(home.start(), /another process has it open/);
    await server.stop('SIGTERM');
    await writeFile(home.storeFile, (await readFile(home.storeFile)).subarray(0, 9_000));
    await assert.rejects(home.start(), /the store at .*coffer\.db: the file is damaged.*put a backup in its place/);
    await writeFile(home.storeFile, '');
    await assert.rejects(home.start(), /is empty: it was cut off/);
  });

  it('says what is wrong with the configuration, and where', async () => {
    await home.configure(`${home.fileStorage}\nmax_lease_tl = "1h"`);
    await assert.rejects(
      home.start(),
      /coffer\.hcl:3:1: "max_lease_tl" is not known here; known are listener, storage/,
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

  it('opens by a static key, moves to a new one, and gives recovery keys', async () => {
    const key = (name: string) => `current_key_id = "${name}", current_key = "file://${home.path(`${name}.key`)}"`;
    await writeFile(home.path('one.key'), randomBytes(32));
    await writeFile(home.path('two.key'), `${randomBytes(32).toString('hex')}\n`);
    await home.configure(`${home.fileStorage}\nseal "static" { ${key('one')} }`);
    let server = await home.start();
    assert.match(
      (await server.run(['operator', 'init', '-key-shares=1', '-key-threshold=1'])).stderr,
      /-recovery-shares/,
    );
    const made = await server.run(['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json']);
    const { root_token: root, recovery_keys_b64: recovery } = JSON.parse(made.stdout) as Initialized;
    assert.equal(await isSealed(server), false);
    await server.client(root).write('sys/policies/acl/kept', { policy: '# kept' });
    await server.stop('SIGKILL');

    await home.configure(
      `${home.fileStorage}\nseal "static" { ${key('two')}, previous_key_id = "one", previous_key = "file://${home.path('one.key')}" }`,
    );
    server = await home.start();
    assert.equal(await isSealed(server), false);
    await server.stop('SIGTERM');
    await home.configure(`${home.fileStorage}\nseal "static" { ${key('two')} }`);
    server = await home.start();
    assert.ok((await server.client(root).read('sys/policies/acl/kept')) !== undefined);
    const otp = (await server.run(['operator', 'generate-root', '-generate-otp'])).stdout.trim();
    const begun = await server.run(['operator', 'generate-root', '-init', `-otp=${otp}`, '-format=json']);
    const { nonce } = JSON.parse(begun.stdout) as { nonce: string };
    const done = await server.run(
      ['operator', 'generate-root', `-nonce=${nonce}`, '-format=json', '-'],
      '',
      recovery[0],
    );
    const { encoded_token: encoded } = JSON.parse(done.stdout) as { encoded_token: string };
    const token = (await coffer(['operator', 'generate-root', `-decode=${encoded}`, `-otp=${otp}`])).stdout.trim();
    assert.ok((await server.client(token).read('sys/mounts')) !== undefined);
    await server.stop('SIGTERM');

    await home.configure(`${home.fileStorage}\nseal "static" { ${key('one')} }`);
    await assert.rejects(
      home.start(),
      /sealed under the key "two", which is neither current_key_id nor previous_key_id/,
    );
    await writeFile(home.path('two.key'), randomBytes(32));
    await home.configure(`${home.fileStorage}\nseal "static" { ${key('two')} }`);
    await assert.rejects(home.start(), /the key "two" does not open this store/);
    await home.configure(home.fileStorage);
    await assert.rejects(home.start(), /the store has a seal of type "static".*configure seal "static"/);
    await home.configure(
      `${home.fileStorage}\nseal "static" { current_key_id = "x", current_key = "env://NO_SUCH_KEY" }`,
    );
    await assert.rejects(home.start(), /the environment has no NO_SUCH_KEY/);
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
      for (let tries = 0; tries < 200 && !pattern.test(server.output()); tries++) await sleep(20);
      assert.match(server.output(), pattern);
    };
    await reloaded(/reloaded the certificate/);
    assert.equal(await shown(), bodyOf(second));
    await writeFile(home.path('key.pem'), 'no key');
    await reloaded(/the certificate was not reloaded; the old one stays/);
    assert.equal(await shown(), bodyOf(second));
    assert.equal(await server.stop('SIGTERM'), 0);
  });

  it('seals, unseals share by share, rotates and rekeys, as the command line shows it', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    assert.equal((await server.run(['operator', 'init', '-status'])).exit, 2);
    assert.equal((await server.run(['status'])).exit, 2);
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server);
    assert.equal((await server.run(['operator', 'init', '-status'])).exit, 0);
    assert.match((await server.run(['operator', 'init'])).stderr, /Vault is already initialized/);

    const one = await server.run(['operator', 'unseal', '-'], '', keys[0]);
    assert.match(one.stdout, /Sealed +true\nTotal Shares +3\nThreshold +2\nUnseal Progress +1\/2/);
    assert.match((await server.run(['operator', 'unseal', keys[0] ?? ''])).stdout, /Unseal Progress +1\/2/);
    assert.match((await server.run(['operator', 'unseal', '-reset'])).stdout, /Unseal Progress +0\/2/);
    await unseal(server, keys.slice(0, 1));
    const stranger = Buffer.concat([randomBytes(32), Buffer.from([7])]).toString('base64');
    await assert.rejects(unseal(server, [stranger]), /Unseal failed, invalid key/);
    assert.equal(await isSealed(server), true);
    await unseal(server, keys.slice(0, 2));
    assert.equal((await server.run(['status'])).exit, 0);

    await server.client(root).write('sys/policies/acl/before', { policy: '# before' });
    const rotated = await server.run(['operator', 'rotate'], root);
    assert.match(
      rotated.stdout,
      /^Success! Rotated key\n\nKey Term {12}2\nInstall Time {8}\d\d \w{3} \d\d \d\d:\d\d UTC\nEncryption Count {4}0\n$/,
    );
    await server.client(root).write('sys/policies/acl/after', { policy: '# after' });

    const begun = await server.run(['operator', 'rekey', '-init', '-key-shares=2', '-key-threshold=2', '-format=json']);
    const { nonce } = JSON.parse(begun.stdout) as { nonce: string };
    assert.match((await server.run(['operator', 'rekey', keys[0] ?? ''])).stderr, /Missing nonce value/);
    await server.run(['operator', 'rekey', `-nonce=${nonce}`, keys[0] ?? '']);
    assert.match((await server.run(['operator', 'rekey', '-status'])).stdout, /Rekey Progress +1\/2/);
    const ready = await server.run(['operator', 'rekey', `-nonce=${nonce}`, '-format=json', keys[2] ?? '']);
    const { keys_base64: fresh } = JSON.parse(ready.stdout) as { keys_base64: string[] };
    assert.equal(fresh.length, 2);

    assert.equal((await server.run(['operator', 'seal'], root)).stdout, 'Success! Vault is sealed.\n');
    const status = await server.run(['status']);
    assert.equal(status.exit, 2);
    assert.match(status.stdout, /Sealed +true/);
    const refused = await server.run(['read', 'database/creds/app'], root);
    assert.match(refused.stderr, /Code: 503\. Errors:\n\n\* Vault is sealed/);
    await assert.rejects(unseal(server, keys.slice(0, 2)), /Unseal failed, invalid key/);
    await unseal(server, fresh);
    for (const name of ['before', 'after']) {
      assert.equal((await server.client(root).read(`sys/policies/acl/${name}`))?.data?.['policy'], `# ${name}`);
    }
    assert.match((await server.run(['operator', 'key-status'], root)).stdout, /Key Term +2/);
    assert.equal(await server.stop('SIGTERM'), 0);
  });

  it('tells its health by Vault’s codes', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const health = async (query = '', method = 'GET'): Promise<number> =>
      (await fetch(`${server.address}/v1/sys/health${query}`, { method })).status;
    assert.equal(await health(), 501);
    assert.equal(await health('?uninitcode=200'), 200);
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
    assert.equal(await health(), 503);
    assert.equal(await health('', 'HEAD'), 503);
    assert.equal(await health('?sealedcode=299'), 299);
    assert.equal(await health('?sealedcode=1000'), 400);
    await unseal(server, keys);
    assert.equal(await health('?standbyok=true&perfstandbyok=true'), 200);
    assert.equal(await health('?activecode=204'), 204);
    await assert.rejects(server.client().request('PUT', 'sys/seal'), /permission denied/);
    await server.client(root).request('PUT', 'sys/seal');
    assert.equal(await health(), 503);
  });
});
