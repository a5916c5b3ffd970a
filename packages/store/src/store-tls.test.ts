/** The TLS modes of a store's connection_url, against a real server. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createLogger } from '@coffer/base';
import { createCertificateAuthority, startPostgres, type TestPostgres } from '@coffer/testkit';
import { openPostgresStore } from './index.ts';

/** What comes of opening a store: `opened`, or why not. */
async function open({ user, password, port }: TestPostgres, query: string): Promise<string> {
  const url = `postgres://${user}:${password}@127.0.0.1:${port}/coffer_store?${query}`;
  try {
    await (await openPostgresStore({ connectionUrl: url })).close();
    return 'opened';
  } catch (error) {
    assert.ok(!String(error).includes('open sesame'), 'no secrets');
    return String(error);
  }
}

const OPENED = /^opened$/;

describe('TLS to the store', () => {
  let server: TestPostgres;
  let expired: TestPostgres;
  let plain: TestPostgres;
  const files = { ca: '', other: '', cert: '', key: '' };
  before(async () => {
    const authority = await createCertificateAuthority();
    const { certificatePem: cert, privateKeyPem: key } = await authority.issue({
      commonName: 'server',
      ipAddresses: ['127.0.0.1'],
    });
    const old = await authority.issue({
      commonName: 'server',
      ipAddresses: ['127.0.0.1'],
      validity: { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') },
    });
    [server, expired, plain] = await Promise.all([
      startPostgres({ tls: { cert, key, ca: authority.certificatePem, only: true } }),
      startPostgres({ tls: { cert: old.certificatePem, key: old.privateKeyPem } }),
      startPostgres(),
    ]);
    for (const each of [server, plain]) await each.query(`CREATE DATABASE coffer_store OWNER ${each.user}`);
    const client = await authority.issue({ commonName: server.user, client: true, passphrase: 'open sesame' });
    const texts = {
      ca: authority.certificatePem,
      other: (await createCertificateAuthority()).certificatePem,
      cert: client.certificatePem,
      key: client.privateKeyPem,
    };
    for (const name of ['ca', 'other', 'cert', 'key'] as const) {
      files[name] = join(server.dataDirectory, `store-${name}.pem`);
      await writeFile(files[name], texts[name], { mode: 0o600 });
    }
  });
  after(() => Promise.all([server.stop(), expired.stop(), plain.stop()]));

  it('is required, and verified as far as the mode says', async () => {
    for (const [query, answer] of [
      ['sslmode=disable', /requires SSL\/TLS: set sslmode to require, verify-ca or verify-full/],
      ['sslmode=allow', OPENED],
      ['sslmode=prefer', OPENED],
      ['', OPENED],
      ['sslmode=require', OPENED],
      [`sslmode=require&sslrootcert=${files.other}`, /not signed by an authority in sslrootcert/],
      [`sslmode=verify-ca&sslrootcert=${files.ca}`, OPENED],
      [`sslmode=verify-ca&sslrootcert=${files.other}`, /not signed by an authority in sslrootcert/],
      [`sslmode=verify-full&sslrootcert=${files.ca}`, OPENED],
      ['sslmode=verify-full', /not signed by an authority in the list that Node.js trusts/],
      ['sslmode=verify-full&sslrootcert=/nowhere.pem', /field "sslrootcert": cannot read \/nowhere.pem: no such file/],
    ] as const) {
      assert.match(await open(server, query), answer, query);
    }
  });

  it('passes over a host whose certificate does not fit, or that has none, and says so', async () => {
    const { port: plainPort } = plain;
    for (const [hosts, query, told] of [
      [
        `localhost:${server.port},127.0.0.1:${server.port}`,
        `sslmode=verify-full&sslrootcert=${files.ca}`,
        /not valid for the name "localhost"/,
      ],
      [
        `127.0.0.1:${expired.port},127.0.0.1:${server.port}`,
        `sslmode=verify-ca&sslrootcert=${files.ca}`,
        /has expired/,
      ],
      [`127.0.0.1:${plainPort},127.0.0.1:${server.port}`, `sslmode=require`, /does not support SSL/],
    ] as const) {
      const log: string[] = [];
      const logger = createLogger('', 'warn', ({ message, fields }) =>
        log.push(`${message}: ${String(fields['error'])}`),
      );
      const { user, password } = server;
      const connectionUrl = `postgres://${user}:${password}@${hosts}/coffer_store?${query}`;
      const store = await openPostgresStore({ connectionUrl, logger });
      const { rows } = await store.run('SELECT pg_catalog.inet_server_port() AS port');
      assert.deepEqual(rows, [{ port: server.port }], hosts);
      await store.close();
      assert.equal(log.length, 1, hosts);
      assert.match(log[0] ?? '', told);
      assert.match(log[0] ?? '', /^avoiding a database node after an error: failed to connect to host=/);
    }
    const nobody = `postgres://${server.user}:x@localhost:${server.port},127.0.0.1:${expired.port}/d?sslmode=verify-full&sslrootcert=${files.ca}`;
    await assert.rejects(openPostgresStore({ connectionUrl: nobody }), /has expired/);
  });

  it('shows a certificate of its own', async () => {
    const shown = `sslmode=verify-full&sslrootcert=${files.ca}&sslcert=${files.cert}&sslkey=${files.key}`;
    assert.match(await open(server, `${shown}&sslpassword=open%20sesame`), OPENED);
    assert.match(
      await open(server, `${shown}&sslpassword=other`),
      /"sslkey": the private key is encrypted and sslpassword/,
    );
    assert.match(await open(server, `sslmode=require&sslcert=${files.cert}`), /"sslcert" needs the private key too/);
  });

  it('is done without where the server has none, if the mode lets it', async () => {
    for (const mode of ['disable', 'allow', 'prefer']) assert.match(await open(plain, `sslmode=${mode}`), OPENED, mode);
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      assert.match(await open(plain, `sslmode=${mode}`), /does not support SSL\/TLS, but sslmode is/, mode);
    }
  });
});
