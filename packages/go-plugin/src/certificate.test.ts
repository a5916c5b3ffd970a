import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { certificatePem, createCertificate } from './certificate.ts';

const OPENSSL_MISSING = spawnSync('openssl', ['version']).status === 0 ? false : 'the program openssl is not installed';

describe('createCertificate', () => {
  it('is read by OpenSSL as what go-plugin expects', async () => {
    const made = createCertificate();
    const read = new X509Certificate(made.certificatePem);
    assert.equal(read.subject, 'O=Coffer\nCN=localhost');
    assert.equal(read.subjectAltName, 'DNS:localhost');
    assert.equal(read.ca, true);
    assert.deepEqual(read.keyUsage, ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    assert.equal(read.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(read.verify(read.publicKey), true);
    assert.equal(read.checkIssued(read), true);
    assert.equal(read.checkPrivateKey(createPrivateKey(made.privateKeyPem)), true);
    assert.ok(read.raw.equals(made.certificateDer));
    assert.equal(certificatePem(made.certificateDer), read.toString());
  });
  it('is valid now and for 30 years, past the year 2050', async () => {
    const read = new X509Certificate(createCertificate().certificateDer);
    assert.ok(read.validFromDate.getTime() < Date.now());
    assert.equal(read.validToDate.getUTCFullYear(), new Date(Date.now() + 30 * 365.25 * 864e5).getUTCFullYear());
  });
  it('is another one every time', async () => {
    const made = Array.from({ length: 20 }, () => createCertificate());
    const serials = new Set(made.map(({ certificateDer }) => new X509Certificate(certificateDer).serialNumber));
    assert.equal(serials.size, 20);
  });
  it('passes the strict checks of OpenSSL, for both ends of a connection', { skip: OPENSSL_MISSING }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-certificate-'));
    try {
      const file = join(directory, 'certificate.pem');
      await writeFile(file, createCertificate().certificatePem);
      for (const purpose of ['sslserver', 'sslclient']) {
        const args = ['verify', '-x509_strict', '-purpose', purpose, '-verify_hostname', 'localhost', '-CAfile', file];
        const verified = spawnSync('openssl', [...args, file], { encoding: 'utf8' });
        assert.equal(verified.status, 0, verified.stderr);
      }
      const shown = spawnSync('openssl', ['x509', '-noout', '-ext', 'keyUsage', '-in', file], { encoding: 'utf8' });
      assert.match(shown.stdout, /critical\s+Digital Signature, Key Encipherment, Key Agreement, Certificate Sign\s*$/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
