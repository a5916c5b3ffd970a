import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { createCertificate } from './certificate.ts';

describe('createCertificate', () => {
  it('is read by OpenSSL as what go-plugin expects', () => {
    const made = createCertificate();
    const read = new X509Certificate(made.certificatePem);
    assert.equal(read.subject, 'O=Coffer\nCN=localhost');
    assert.equal(read.subjectAltName, 'DNS:localhost');
    assert.equal(read.ca, true);
    assert.deepEqual(read.keyUsage, ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    assert.equal(read.verify(read.publicKey), true);
    assert.equal(read.checkIssued(read), true);
    assert.ok(read.raw.equals(made.certificateDer));
  });
  it('is valid now and for 30 years, past the year 2050', () => {
    const read = new X509Certificate(createCertificate().certificateDer);
    assert.ok(read.validFromDate.getTime() < Date.now());
    assert.equal(read.validToDate.getUTCFullYear(), new Date(Date.now() + 30 * 365.25 * 864e5).getUTCFullYear());
  });
  it('is another one every time', () => {
    const serials = new Set(
      Array.from({ length: 20 }, () => new X509Certificate(createCertificate().certificateDer).serialNumber),
    );
    assert.equal(serials.size, 20);
  });
});
