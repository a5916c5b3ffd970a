import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
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

/** A proxy that opens a tunnel to whatever is asked for, unless it is told to refuse. */
async function withProxy(use: (proxy: string, asked: string[]) => Promise<void>, refusal?: string): Promise<void> {
  const asked: string[] = [];
  const proxy = createHttpServer();
  proxy.on('connect', (request, socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
    if (refusal !== undefined) return socket.end(`HTTP/1.1 ${refusal}\r\n\r\n`);
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const each of [socket, onward]) each.on('error', () => [socket, onward].map((one) => one.destroy()));
    return undefined;
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    await use(`http://u:hunter2@127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
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

  it('goes through the tunnel of a proxy, with its own certificates', async () => {
    const shown = await authority.issue({ commonName: 'ana', client: true });
    const tls = { clientCert: shown.certificatePem, clientKey: shown.privateKeyPem, tlsServerName: 'coffer.test' };
    await withTlsServer((address) =>
      withProxy(async (proxy, asked) => {
        const client = createClient({ address, caCert, ...tls, proxy: () => proxy });
        assert.deepEqual((await client.read('x'))?.data, { client: 'ana' });
        await assert.rejects(client.with({ caCert: undefined }).read('x'), /signed by unknown authority$/);
        assert.deepEqual(
          asked,
          Array.from({ length: 2 }, () => `${new URL(address).host} Basic dTpodW50ZXIy`),
        );
      }),
    );
  });

  it('says what the proxy said, without its password', async () => {
    const use = async (proxy: string) => {
      const client = createClient({ address: 'https://coffer.test:8200', proxy: () => proxy });
      await assert.rejects(client.read('x'), (error: Error) => {
        assert.match(error.message, /^Get "https:\/\/coffer\.test:8200\/v1\/x": .*407 Proxy Authentication Required$/);
        return !error.message.includes('hunter2');
      });
    };
    await withProxy(use, '407 Proxy Authentication Required');
  });

  it('does not try a certificate again', async () => {
    await withTlsServer((address) =>
      withProxy(async (proxy, asked) => {
        const client = createClient({ address, retries: 5, proxy: () => proxy });
        await assert.rejects(client.read('x'), /signed by unknown authority$/);
        await assert.rejects(client.with({ caCert }).read('x'), /does not match certificate/);
        assert.equal(asked.length, 2);
      }),
    );
  });
});
