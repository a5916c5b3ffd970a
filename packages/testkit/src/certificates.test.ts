import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import pg from 'pg';
import { createCertificateAuthority, startPostgres } from './index.ts';

const OPENSSL_MISSING = spawnSync('openssl', ['version']).status === 0 ? false : 'the program openssl is not installed';

describe('createCertificateAuthority', () => {
  it('issues certificates that verify, with their names, times and keys', async () => {
    const authority = await createCertificateAuthority('Läden & Söhne');
    const ca = new X509Certificate(authority.certificatePem);
    const validity = { notBefore: new Date('2020-01-02T03:04:05Z'), notAfter: new Date('2051-06-07T08:09:10Z') };
    const issued = await authority.issue({
      commonName: 'db',
      dnsNames: ['db.example', '*.internal.example'],
      ipAddresses: ['127.0.0.1', '::1', '2001:db8::7'],
      validity,
      passphrase: 'open sesame',
    });
    const certificate = new X509Certificate(issued.certificatePem);
    assert.equal(ca.ca, true);
    assert.equal(certificate.ca, false);
    assert.equal(certificate.checkIssued(ca), true);
    assert.equal(certificate.verify(ca.publicKey), true);
    assert.equal(certificate.checkHost('x.internal.example'), '*.internal.example');
    assert.equal(certificate.checkHost('db'), undefined);
    for (const address of ['127.0.0.1', '::1', '2001:db8::7']) assert.equal(certificate.checkIP(address), address);
    assert.equal(certificate.validFromDate.getTime(), validity.notBefore.getTime());
    assert.equal(certificate.validToDate.getTime(), validity.notAfter.getTime());
    assert.throws(() => createPrivateKey(issued.privateKeyPem));
    const key = createPrivateKey({ key: issued.privateKeyPem, passphrase: 'open sesame' });
    assert.equal(certificate.checkPrivateKey(key), true);
    assert.equal(ca.subject, 'CN=Läden & Söhne');
    const odd = await authority.issue({ commonName: '#a+O=b' });
    assert.equal(new X509Certificate(odd.certificatePem).subject, String.raw`CN=\#a\+O=b`);
    for (const address of ['nowhere', '1.2.3.256', '10.0.0.0/8', 'fe80::1%eth0']) {
      await assert.rejects(authority.issue({ commonName: 'x', ipAddresses: [address] }), {
        code: 'invalid-request',
        message: /"ipAddresses"/,
      });
    }
  });

  it('passes the strict checks of OpenSSL', { skip: OPENSSL_MISSING }, async () => {
    const authority = await createCertificateAuthority();
    const addresses = ['127.0.0.1', '::1', '2001:db8::7', '::ffff:10.1.2.3'];
    const server = await authority.issue({ commonName: 'db', dnsNames: ['db.test'], ipAddresses: addresses });
    const client = await authority.issue({ commonName: 'admin', client: true });
    const directory = await mkdtemp(path.join(tmpdir(), 'coffer-certificates-'));
    try {
      const files = { ca: authority.certificatePem, server: server.certificatePem, client: client.certificatePem };
      for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory, name), text);
      const verify = (name: string, ...options: readonly string[]): string => {
        const args = ['verify', '-x509_strict', '-CAfile', 'ca', ...options, name];
        const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
        return status === 0 ? 'OK' : stderr;
      };
      assert.equal(verify('ca'), 'OK');
      assert.equal(verify('server', '-purpose', 'sslserver', '-verify_hostname', 'db.test'), 'OK');
      for (const address of addresses) assert.equal(verify('server', '-verify_ip', address), 'OK');
      assert.equal(verify('client', '-purpose', 'sslclient'), 'OK');
      assert.match(verify('client', '-purpose', 'sslserver'), /purpose/);
      assert.match(verify('server', '-verify_ip', '10.1.2.3'), /IP address mismatch/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('carries a PostgreSQL that takes TLS only, with and without client certificates', async () => {
    const authority = await createCertificateAuthority();
    const { certificatePem: cert, privateKeyPem: key } = await authority.issue({
      commonName: 'db',
      dnsNames: ['db.test'],
    });
    const ca = authority.certificatePem;
    const shown = await authority.issue({ commonName: 'admin', client: true });
    const clientCertificate = { cert: shown.certificatePem, key: shown.privateKeyPem };
    const postgres = await startPostgres({ tls: { cert, key, ca, only: true, clientCertificate: true } });
    try {
      const attempt = async (ssl: pg.ClientConfig['ssl']): Promise<unknown[]> => {
        const { host, port, user, password, database } = postgres;
        const client = new pg.Client({ host, port, user, password, database, ssl: ssl ?? false });
        client.on('error', () => undefined);
        await client.connect();
        const { rows } = await client.query<object>(
          'SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
        );
        await client.end();
        return rows;
      };
      const verified = { ca, servername: 'db.test', ...clientCertificate };
      assert.deepEqual(await attempt(verified), [{ ssl: true, client_dn: '/CN=admin' }]);
      await assert.rejects(attempt(false), /no encryption/);
      await assert.rejects(attempt({ ca, servername: 'db.test' }), /client certificate|certificate required/);
      await assert.rejects(attempt({ ...verified, servername: 'other.test' }), {
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
      const { certificatePem: stranger } = await createCertificateAuthority();
      await assert.rejects(attempt({ ...verified, ca: stranger }), /certificate/);
    } finally {
      await postgres.stop();
    }
  });
});
