import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, it } from 'node:test';
import { createCertificateAuthority } from '@coffer/testkit';
import { createClient } from './index.ts';

const authority = await createCertificateAuthority();
const caCert = authority.certificatePem;

/** A TLS server on 127.0.0.1 that answers with the common name of the client's certificate. */
async function withTlsServer(use: (address: string) => Promise<void>): Promise<void> {
  const own = await authority.issue({ commonName: 'server', dnsNames: ['coffer.test'] });
  const options = {
    cert: own.certificatePem,
    key: own.privateKeyPem,
    ca: caCert,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = createServer(options, (request, response) => {
    const peer = (request.socket as TLSSocket).getPeerCertificate();
    response.end(JSON.stringify({ data: { client: peer.subject?.CN ?? 'none' } }));
  });
  // A client that does not trust the certificate hangs up in the handshake.
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

describe('createClient over TLS', () => {
  it('trusts only the given authority, for the given name', async () => {
    await withTlsServer(async (address) => {
      const client = createClient({ address, caCert, tlsServerName: 'coffer.test' });
      assert.deepEqual((await client.read('x'))?.data, { client: 'none' });
      await assert.rejects(client.with({ caCert: undefined }).read('x'), /signed by unknown authority$/);
      await assert.rejects(client.with({ tlsServerName: 'other.test' }).read('x'), /does not match certificate/);
    });
  });

  it('skips verification only when told to', async () => {
    await withTlsServer(async (address) => {
      assert.deepEqual((await createClient({ address, tlsSkipVerify: true }).read('x'))?.data, { client: 'none' });
    });
  });

  it('shows its certificate', async () => {
    const shown = await authority.issue({ commonName: 'ana', client: true });
    await withTlsServer(async (address) => {
      const tls = {
        caCert: [caCert],
        tlsServerName: 'coffer.test',
        clientCert: shown.certificatePem,
        clientKey: shown.privateKeyPem,
      };
      assert.deepEqual((await createClient({ address, ...tls }).read('x'))?.data, { client: 'ana' });
    });
  });
});
