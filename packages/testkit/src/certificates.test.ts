import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import pg from 'pg';
import { createCertificateAuthority, startPostgres } from './index.ts';

describe('createCertificateAuthority', () => {
  it('issues certificates that verify, with their names, times and keys', () => {
    const authority = createCertificateAuthority('Läden & Söhne');
    const ca = new X509Certificate(authority.certificatePem);
    const validity = { notBefore: new Date('2020-01-02T03:04:05Z'), notAfter: new Date('2051-06-07T08:09:10Z') };
    const issued = authority.issue({
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
    assert.throws(() => authority.issue({ commonName: 'x', ipAddresses: ['nowhere'] }), /"ipAddresses"/);
  });

  it('carries a PostgreSQL that takes TLS only, with and without client certificates', async () => {
    const authority = createCertificateAuthority();
    const { certificatePem: cert, privateKeyPem: key } = authority.issue({ commonName: 'db', dnsNames: ['db.test'] });
    const ca = authority.certificatePem;
    const shown = authority.issue({ commonName: 'admin', client: true });
    const clientCertificate = { cert: shown.certificatePem, key: shown.privateKeyPem };
    const postgres = await startPostgres({ tls: { cert, key, ca, only: true, clientCertificate } });
    try {
      const rows = await postgres.query('SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      assert.deepEqual(rows, [{ ssl: true, client_dn: '/CN=admin' }]);
      const attempt = async (ssl: pg.ClientConfig['ssl']): Promise<void> => {
        const { host, port, user, password, database } = postgres;
        const client = new pg.Client({ host, port, user, password, database, ssl: ssl ?? false });
        client.on('error', () => undefined);
        await client.connect();
        await client.end();
      };
      const verified = { ca, servername: 'db.test', ...clientCertificate };
      await attempt(verified);
      await assert.rejects(attempt(false), /no encryption/);
      await assert.rejects(attempt({ ca, servername: 'db.test' }), /client certificate|certificate required/);
      await assert.rejects(attempt({ ...verified, servername: 'other.test' }), {
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
      const stranger = createCertificateAuthority().certificatePem;
      await assert.rejects(attempt({ ...verified, ca: stranger }), /certificate/);
    } finally {
      await postgres.stop();
    }
  });
});
