/** The memory of what was read is given back at once: nothing of a body may be lost with it, and nothing of it may stay. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { RequestHandler } from '@coffer/framework';
import { createCertificateAuthority } from '@coffer/testkit';
import { withEdge } from './edge-fixture.ts';
import { RawClient } from './raw-client-fixture.ts';

const MIB = 1024 * 1024;
const SIZES = [1.5 * MIB, 10, 3 * MIB, 16 * 1024, 1.2 * MIB];
/** Of a chunk of the body: none, smaller than what is read at once, larger, and odd. */
const CHUNKS = [0, 30_001, 300_000];

const digest = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Answers what it got, by its digest. */
const digesting: RequestHandler = async ({ body, data }) => {
  if (body === undefined)
    return { shape: 'raw', data: { digest: typeof data['text'] === 'string' ? digest(data['text']) : null } };
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return { shape: 'raw', data: { digest: hash.digest('hex') } };
};

function put(path: string, body: Uint8Array, chunkBytes = 0): Buffer {
  const head = `PUT /v1/${path} HTTP/1.1\r\nHost: localhost\r\n`;
  if (chunkBytes === 0) return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
  const parts = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`)];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), Buffer.from(chunk), Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** Requests to `path` with the digests that they are to be answered with. */
function requestsTo(path: 'json' | 'raw'): { readonly bytes: Buffer; readonly digest: string }[] {
  return SIZES.flatMap((size) =>
    CHUNKS.map((chunkBytes) => {
      const content = randomBytes(size);
      if (path === 'raw') return { bytes: put(path, content, chunkBytes), digest: digest(content) };
      const text = content.toString('base64');
      return { bytes: put(path, Buffer.from(JSON.stringify({ text })), chunkBytes), digest: digest(text) };
    }),
  );
}

const authority = await createCertificateAuthority();
const issued = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'], ipAddresses: [] });
const TLS = { cert: issued.certificatePem, key: issued.privateKeyPem };
const TRANSPORTS: Readonly<Record<string, { readonly tls?: typeof TLS; readonly open: (port: number) => Socket }>> = {
  'plain connection': { open: (port) => connect(port, '127.0.0.1') },
  'connection inside TLS': {
    tls: TLS,
    open: (port) =>
      connectTls({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ca: authority.certificatePem,
        ALPNProtocols: ['http/1.1'],
      }),
  },
};

for (const [name, { open, tls }] of Object.entries(TRANSPORTS)) {
  describe(`large bodies over one ${name}`, () => {
    const options = {
      handle: digesting,
      takesLargeBody: () => Promise.resolve(true),
      takesRawBody: (path: string) => path === 'raw',
      ...(tls && { tls }),
    };

    for (const path of ['json', 'raw'] as const) {
      it(`arrive byte for byte, as ${path}, one after the other and all at once`, () =>
        withEdge(options, async (port) => {
          const client = new RawClient(open(port));
          const requests = requestsTo(path);
          const assertAnswer = async (expected: string): Promise<void> => {
            const { status, body } = await client.response();
            assert.deepEqual([status, body.trim()], [200, `{"digest":"${expected}"}`]);
          };
          for (const { bytes, digest: expected } of requests) {
            client.socket.write(bytes);
            await assertAnswer(expected);
          }
          for (const { bytes } of requests) client.socket.write(bytes);
          for (const { digest: expected } of requests) await assertAnswer(expected);
          client.close();
        }));
    }

    it('that are refused are answered, and leave no memory behind', () =>
      withEdge({ ...options, takesLargeBody: () => Promise.resolve(false) }, async (port) => {
        const body = Buffer.alloc(8 * MIB, 'x');
        let most = 0;
        const refused = async (chunked: boolean): Promise<void> => {
          const client = new RawClient(open(port));
          const bytes = chunked ? put('json', body, 100_000) : put('json', body);
          const before = process.memoryUsage().arrayBuffers;
          client.socket.write(bytes);
          const { status } = await client.response();
          assert.equal(status, 413);
          await once(client.socket, 'close');
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        };
        for (let count = 0; count < 8; count++) await refused(count % 2 === 0);
        assert.ok(most < 3 * MIB, `${most} bytes of one of ${body.length}`);
      }));
  });
}
