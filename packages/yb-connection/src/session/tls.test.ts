import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { errorText } from '@coffer/base';
import { createCertificateAuthority } from '@coffer/testkit';
import { decodeConnection } from '../settings/connection-settings.ts';
import { QUIET } from '../settings/values.ts';
import { tlsOptions } from './tls.ts';

describe('the files of a connection', () => {
  it('are read for each connection, so that what was replaced is not used any more', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-tls-'));
    try {
      const file = join(directory, 'ca.pem');
      const settings = { host: 'db', username: 'u', password: 'p', db: 'd', sslmode: 'verify-ca', sslrootcert: file };
      const { tls } = decodeConnection(settings, QUIET);
      const { certificatePem } = await createCertificateAuthority();
      await writeFile(file, certificatePem);
      assert.ok((await tlsOptions(tls, 'db')).secureContext);
      await writeFile(file, 'withdrawn');
      await assert.rejects(tlsOptions(tls, 'db'), { code: 'invalid-request', message: /sslrootcert/ });
      await writeFile(file, certificatePem);
      assert.ok((await tlsOptions(tls, 'db')).secureContext);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('an encrypted key', () => {
  const password = 'open sesame';
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const forms = {
    // So many passwords that some decrypt to what looks like padding, which OpenSSL tells by another error.
    'PKCS #8': { type: 'pkcs8', wrongPasswords: 600 },
    'SEC 1 with a Proc-Type header': { type: 'sec1', wrongPasswords: 2_000 },
  } as const;

  for (const [form, { type, wrongPasswords }] of Object.entries(forms)) {
    it(`(${form}) is said to be locked, whatever wrong password is tried`, async () => {
      const authority = await createCertificateAuthority();
      const { certificatePem } = await authority.issue({ commonName: 'yugabyte', client: true });
      const encrypted = String(privateKey.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: password }));
      const open = async (sslpassword: string): Promise<unknown> => {
        const settings = { host: 'db', username: 'u', password: 'p', db: 'd', tls_certificate: certificatePem };
        const { tls } = decodeConnection({ ...settings, private_key: encrypted, sslpassword }, QUIET);
        return await tlsOptions(tls, 'db');
      };
      const said = new Set<string>();
      for (let i = 0; i < wrongPasswords; i += 1) said.add(await saysWhy(open(`wrong ${i}`)));
      said.add(await saysWhy(open('')));
      assert.deepEqual(
        [...said],
        ['field "private_key": the private key is encrypted and sslpassword does not open it'],
      );
      // The right one opens it: what is wrong then is that it is not the certificate's.
      assert.match(await saysWhy(open(password)), /does not match the certificate/);
    });
  }
});

async function saysWhy(rejected: Promise<unknown>): Promise<string> {
  try {
    await rejected;
  } catch (error) {
    return errorText(error);
  }
  return 'opened';
}
