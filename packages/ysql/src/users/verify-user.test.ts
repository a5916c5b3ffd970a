import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret } from '@coffer/base';
import {
  createCertificateAuthority,
  databaseUnderTest,
  freePort,
  startPostgres,
  type TestDatabase,
} from '@coffer/testkit';
import { openYsql } from '../ysql-fixture.ts';

const ask = async (target: TestDatabase, username: string, password: string, config = {}) => {
  await using opened = await openYsql(target, config);
  return await opened.database.verifyUser?.(username, new Secret(password));
};

describe('verifying a login', () => {
  let database: TestDatabase;
  before(async () => {
    database = await databaseUnderTest();
    await database.query("CREATE ROLE verify_me LOGIN PASSWORD 'right'");
    await database.query("CREATE ROLE verify_barred NOLOGIN PASSWORD 'right'");
    await database.query("CREATE ROLE verify_expired LOGIN PASSWORD 'right' VALID UNTIL '2001-01-01'");
    await database.query("CREATE ROLE verify_full LOGIN PASSWORD 'right' CONNECTION LIMIT 0");
  });
  after(() => database.stop());

  it('tells a password that is taken from one that is not', async () => {
    assert.equal(await ask(database, 'verify_me', 'right'), 'accepted');
    assert.equal(await ask(database, 'verify_me', 'wrong'), 'refused');
    assert.equal(await ask(database, 'nobody_of_that_name', 'right'), 'refused');
    assert.equal(await ask(database, 'verify_expired', 'right'), 'refused');
  });
  it('counts a refusal after the password was taken as accepted', async () => {
    assert.equal(await ask(database, 'verify_full', 'right'), 'accepted');
    assert.equal(await ask(database, 'verify_full', 'wrong'), 'refused');
  });
  it('does the same where connections go over the nodes', async () => {
    assert.equal(await ask(database, 'verify_me', 'right', { load_balance: true }), 'accepted');
  });
  it('goes to the next contact point when nobody is at the first', async () => {
    const host = `127.0.0.1:${await freePort()},${database.host}:${database.port}`;
    const connection_url = `postgres://{{username}}:{{password}}@${host}/${database.database}`;
    assert.equal(await ask(database, 'verify_me', 'right', { connection_url }), 'accepted');
  });
  it('goes to the next where the first has not the TLS that is asked for', async (test) => {
    const authority = await createCertificateAuthority();
    const { certificatePem: cert, privateKeyPem: key } = await authority.issue({ commonName: 'db' });
    const secure = await startPostgres({ tls: { cert, key } });
    test.after(() => secure.stop());
    const hosts = [database, secure].map(({ host, port }) => `${host}:${port}`).join();
    const connection_url = `postgres://{{username}}:{{password}}@${hosts}/${secure.database}?sslmode=require`;
    assert.equal(await ask(secure, secure.user, secure.password, { connection_url }), 'accepted');
  });
  it('shows no password when it cannot say', async () => {
    const second = await startPostgres();
    await using opened = await openYsql(second);
    await second.stop();
    await assert.rejects(Promise.resolve(opened.database.verifyUser?.('verify_me', new Secret('r1ght'))), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /failed to log in to host=127\.0\.0\.1 port=\d+ user=verify_me .*connection refused/);
      assert.ok(!error.message.includes('r1ght'));
      return true;
    });
  });
});

describe('verifying a login where the server trusts everyone', () => {
  let database: TestDatabase;
  before(async () => {
    database = await startPostgres({ authMethod: 'trust' });
    await database.query("CREATE ROLE verify_me LOGIN PASSWORD 'right'");
    await database.query("CREATE ROLE verify_barred NOLOGIN PASSWORD 'right'");
  });
  after(() => database.stop());

  it('says so', async () => {
    assert.equal(await ask(database, 'verify_me', 'right'), 'trusted');
    assert.equal(await ask(database, 'verify_me', 'anything'), 'trusted');
    assert.equal(await ask(database, 'nobody_of_that_name', 'right'), 'refused');
    await assert.rejects(ask(database, 'verify_barred', 'right'), /not permitted to log in/);
  });
  it('warns loudly when a connection is configured', async () => {
    await using trusted = await openYsql(database, { password: 'anything' });
    assert.deepEqual(
      trusted.log.map(({ level, message }) => [level, message.split(':')[0]]),
      [['warn', 'the database let "yugabyte" in without asking for a password']],
    );
    // Then it may have looked at the certificate.
    const authority = await createCertificateAuthority();
    const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'yugabyte', client: true });
    await using certified = await openYsql(database, { tls_certificate: certificatePem, private_key: privateKeyPem });
    assert.deepEqual(certified.log, []);
  });
});

describe('verifying a login where the server asks for MD5', () => {
  it('works as well', async () => {
    const database = await startPostgres({ authMethod: 'md5' });
    try {
      await database.query("CREATE ROLE verify_me LOGIN PASSWORD 'right'");
      assert.equal(await ask(database, 'verify_me', 'right'), 'accepted');
      assert.equal(await ask(database, 'verify_me', 'wrong'), 'refused');
      await using opened = await openYsql(database);
      assert.deepEqual(opened.log, []);
    } finally {
      await database.stop();
    }
  });
});
