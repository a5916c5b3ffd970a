import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createCertificateAuthority } from '@coffer/testkit';
import { parseSettings } from '../settings/settings.ts';
import { tlsOptions } from './tls.ts';

describe('the files of a connection', () => {
  it('are read for each connection, so that what was replaced is not used any more', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-tls-'));
    try {
      const file = join(directory, 'ca.pem');
      const settings = { host: 'db', username: 'u', password: 'p', db: 'd', sslmode: 'verify-ca', sslrootcert: file };
      const { tls } = parseSettings(settings, () => undefined);
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
