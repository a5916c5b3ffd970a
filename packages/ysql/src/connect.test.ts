import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  type IssuedCertificate,
  startPostgres,
  startWireProxy,
  type TestPostgres,
} from '@coffer/testkit';
import { newUser, openYsql } from './ysql-fixture.ts';

let authority: CertificateAuthority;
let other: CertificateAuthority;
let forClient: IssuedCertificate;
let locked: IssuedCertificate;
let secure: TestPostgres;
let mutual: TestPostgres;
let plain: TestPostgres;
let directory: string;
before(async () => {
  authority = await createCertificateAuthority();
  other = await createCertificateAuthority('Somebody else');
  // A certificate for a name only: connecting by address fails verify-full unless tls_server_name says otherwise.
  const certificate = await authority.issue({ commonName: 'db', dnsNames: ['db.example'] });
  forClient = await authority.issue({ commonName: 'yugabyte', client: true });
  locked = await authority.issue({ commonName: 'yugabyte', client: true, passphrase: 'open sesame' });
  const tls = { cert: certificate.certificatePem, key: certificate.privateKeyPem, ca: authority.certificatePem };
  [secure, mutual, plain] = await Promise.all([
    startPostgres({ tls: { ...tls, only: true } }),
    startPostgres({ tls: { ...tls, only: true, clientCertificate: true } }),
    startPostgres(),
  ]);
  directory = await mkdtemp(path.join(tmpdir(), 'ysql-tls-'));
  await writeFile(path.join(directory, 'ca.crt'), authority.certificatePem);
  await writeFile(path.join(directory, 'other.crt'), other.certificatePem);
  await writeFile(path.join(directory, 'client.crt'), locked.certificatePem);
  await writeFile(path.join(directory, 'client.key'), locked.privateKeyPem);
  await writeFile(path.join(directory, 'garbage'), 'not PEM');
});
after(async () => {
  await Promise.all([secure.stop(), mutual.stop(), plain.stop()]);
  await rm(directory, { recursive: true });
});

const file = (name: string): string => path.join(directory, name);

async function usesTls(target: TestPostgres, config: JsonObject): Promise<boolean> {
  await using opened = await openYsql(target, config);
  assert.ok(opened);
  const [row] = await target.query(
    `SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'ysql-plugin %'`,
  );
  return row?.['ssl'] === true;
}

const connects = (target: () => TestPostgres, config: () => JsonObject, tls: boolean) => async (): Promise<void> => {
  assert.equal(await usesTls(target(), config()), tls);
};
const fails = (target: () => TestPostgres, config: () => JsonObject, message: RegExp) => async (): Promise<void> => {
  await assert.rejects(usesTls(target(), config()), (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, /^error verifying connection: /);
    assert.match(error.message, message);
    return true;
  });
};

describe('a server with TLS only', () => {
  const at = (): TestPostgres => secure;
  const ca = (): string => file('ca.crt');
  it(
    'prefer',
    connects(at, () => ({}), true),
  );
  it(
    'allow',
    connects(at, () => ({ sslmode: 'allow' }), true),
  );
  it(
    'require',
    connects(at, () => ({ sslmode: 'require' }), true),
  );
  it(
    'disable',
    fails(
      at,
      () => ({ sslmode: 'disable' }),
      /the server requires SSL\/TLS: set sslmode to require, verify-ca or verify-full/,
    ),
  );
  it(
    'require with a CA verifies it',
    connects(at, () => ({ sslmode: 'require', sslrootcert: ca() }), true),
  );
  it(
    'require with another CA',
    fails(
      at,
      () => ({ sslmode: 'require', sslrootcert: file('other.crt') }),
      /not signed by an authority in sslrootcert/,
    ),
  );
  it(
    'prefer with another CA does not verify',
    connects(at, () => ({ sslrootcert: file('other.crt') }), true),
  );
  it(
    'verify-ca by address',
    connects(at, () => ({ sslmode: 'verify-ca', sslrootcert: ca() }), true),
  );
  it(
    'verify-ca with inline CA',
    connects(at, () => ({ sslmode: 'verify-ca', tls_ca: authority.certificatePem }), true),
  );
  it(
    'verify-ca with another CA',
    fails(at, () => ({ sslmode: 'verify-ca', tls_ca: other.certificatePem }), /not signed by an authority in tls_ca/),
  );
  it(
    'verify-ca without a CA',
    fails(
      at,
      () => ({ sslmode: 'verify-ca' }),
      /not signed by an authority in the list that Node.js trusts; set sslrootcert or tls_ca/,
    ),
  );
  it(
    'verify-ca with the CAs of the system',
    fails(at, () => ({ sslmode: 'verify-ca', sslrootcert: 'system' }), /not signed by an authority in sslrootcert/),
  );
  it(
    'verify-full by address',
    fails(at, () => ({ sslmode: 'verify-full', sslrootcert: ca() }), /not valid for the name "127.0.0.1"/),
  );
  it(
    'verify-full with the name given',
    connects(at, () => ({ sslmode: 'verify-full', sslrootcert: ca(), tls_server_name: 'db.example' }), true),
  );
  it(
    'verify-full without SNI',
    connects(
      at,
      () => ({ sslmode: 'verify-full', sslrootcert: ca(), tls_server_name: 'db.example', sslsni: '0' }),
      true,
    ),
  );
  it(
    'verify-full with a wrong name given',
    fails(
      at,
      () => ({ sslmode: 'verify-full', sslrootcert: ca(), tls_server_name: 'x.example' }),
      /not valid for the name "x.example"/,
    ),
  );
  it(
    'verify-full for localhost',
    fails(
      at,
      () => ({ host: 'localhost', sslmode: 'verify-full', sslrootcert: ca() }),
      /not valid for the name "localhost"/,
    ),
  );
  it('verify-full for nodes that are known by address', async () => {
    // Two at once: the second is to the address that yb_servers() gives.
    const settings = {
      sslmode: 'verify-full',
      sslrootcert: ca(),
      load_balance: 'true',
      yb_servers_refresh_interval: 0,
    };
    const make = async (config: JsonObject): Promise<unknown> => {
      await using opened = await openYsql(secure, { ...config, max_idle_connections: -1 });
      return await Promise.all([1, 2].map(() => opened.database.newUser(newUser('CREATE ROLE "{{name}}" LOGIN'))));
    };
    await make({ ...settings, tls_server_name: 'db.example' });
    await assert.rejects(make(settings), /not valid for the name "127.0.0.1"/);
  });
  it(
    'wrong password',
    fails(at, () => ({ password: 'wrong' }), /password authentication failed for user "yugabyte" \(SQLSTATE 28P01\)/),
  );
  it('is verified whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await fails(at, () => ({ sslmode: 'verify-ca', tls_ca: other.certificatePem }), /not signed by an authority/)();
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });
});

describe('a server that asks for a client certificate', () => {
  const at = (): TestPostgres => mutual;
  it(
    'inline',
    connects(at, () => ({ tls_certificate: forClient.certificatePem, private_key: forClient.privateKeyPem }), true),
  );
  it(
    'in files, key encrypted',
    connects(at, () => ({ sslcert: file('client.crt'), sslkey: file('client.key'), sslpassword: 'open sesame' }), true),
  );
  it(
    'wrong key password',
    fails(
      at,
      () => ({ sslcert: file('client.crt'), sslkey: file('client.key'), sslpassword: 'x' }),
      /field "sslkey": the private key is encrypted and sslpassword does not open it/,
    ),
  );
  it(
    'another key',
    fails(
      at,
      () => ({ sslcert: file('client.crt'), private_key: forClient.privateKeyPem }),
      /field "private_key": the private key does not match the certificate/,
    ),
  );
  it(
    'no key',
    fails(
      at,
      () => ({ sslcert: file('client.crt') }),
      /field "sslcert" needs the private key too: set sslkey or private_key/,
    ),
  );
  it(
    'no certificate',
    fails(at, () => ({}), /valid client certificate/),
  );
  it(
    'missing file',
    fails(
      at,
      () => ({ sslcert: '/no/such', sslkey: '/no/such' }),
      /field "sslcert": cannot read \/no\/such: no such file/,
    ),
  );
  it(
    'file without a certificate',
    fails(
      at,
      () => ({ sslmode: 'verify-ca', sslrootcert: file('garbage') }),
      /field "sslrootcert": no certificate in PEM form/,
    ),
  );
});

describe('a server without TLS', () => {
  const at = (): TestPostgres => plain;
  it(
    'prefer',
    connects(at, () => ({}), false),
  );
  it(
    'allow',
    connects(at, () => ({ sslmode: 'allow' }), false),
  );
  it(
    'disable',
    connects(at, () => ({ sslmode: 'disable' }), false),
  );
  it(
    'require',
    fails(at, () => ({ sslmode: 'require' }), /the server does not support SSL\/TLS, but sslmode is require/),
  );
  it('wrong password is tried once', async () => {
    const proxy = await startWireProxy({ target: plain });
    const tries = (): number => plain.log().split('password authentication failed').length;
    const before_ = tries();
    await fails(at, () => ({ port: proxy.port, password: 'wrong' }), /28P01/)();
    assert.equal(tries() - before_, 1);
    await proxy.stop();
  });
  it('a server that never answers', async () => {
    const proxy = await startWireProxy({ target: plain });
    proxy.hang(true);
    await fails(at, () => ({ port: proxy.port, connect_timeout: '1s' }), /timed out after 1 s/)();
    await proxy.stop();
  });
  it('a server that lets in and answers nothing afterwards', async () => {
    const proxy = await startWireProxy({ target: plain });
    proxy.addFault({ match: /./, times: Infinity, action: { type: 'delay', ms: 86_400_000 } });
    const late = { port: proxy.port, connect_timeout: '1s', statement_timeout: '0' };
    await fails(at, () => late, /timed out after 1 s/)();
    await fails(at, () => ({ ...late, target_session_attrs: 'read-write' }), /timed out after 1 s/)();
    await proxy.stop();
  });
});

describe('run-time parameters', () => {
  it('go to the server', async () => {
    const url = `postgres://{{username}}:{{password}}@127.0.0.1:${plain.port}/yugabyte?app.note=a%20b,%5Cc&statement_timeout=7000`;
    const names = 'v-{{.RoleName}}';
    await using opened = await openYsql(plain, { connection_url: url, username_template: names });
    const statements = [
      `CREATE ROLE "{{name}}" LOGIN`,
      `DO $$ BEGIN IF current_setting('app.note') <> 'a b,\\c' OR current_setting('statement_timeout') <> '7s' THEN RAISE 'no: % %', current_setting('app.note'), current_setting('statement_timeout'); END IF; END $$`,
    ];
    assert.equal(await opened.database.newUser(newUser(statements)), 'v-my-role');
    await opened.database.deleteUser({ username: 'v-my-role', statements: [] });
  });
});
