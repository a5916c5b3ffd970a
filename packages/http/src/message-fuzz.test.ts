/** Random messages: none brings the edge down, keeps it from others, or makes it serve what nobody asked for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { RequestHandler } from '@coffer/framework';
import { createCertificateAuthority } from '@coffer/testkit';
import { getRequest, putRequest, withEdge } from './edge-fixture.ts';
import { RawClient } from './raw-client-fixture.ts';

const MESSAGES = Number(process.env['FUZZ_RUNS'] ?? 300);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_128);

/** A generator of numbers below `limit` that gives the same ones for the same seed (mulberry32). */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const PIECES = [
  ...[
    'GET',
    'LIST',
    'LINK',
    'PUT',
    'POST',
    'HEAD',
    'DELETE',
    'PATCH',
    'LI',
    'ST /',
    'HTTP/1.1',
    'HTTP/1.0',
    ' ',
    '\r\n',
  ],
  ...[
    '\r\n\r\n',
    '\n',
    '\r',
    '\0',
    ':',
    '/v1/a',
    '/v1/%2e%2e/a',
    '/v1/a?list=true',
    '/v1/a?help=1',
    '{"a":1}',
    '0\r\n\r\n',
  ],
  ...[
    'Host: x',
    'Content-Length: 7',
    'Content-Length: 0',
    'Transfer-Encoding: chunked',
    '7\r\n',
    'Expect: 100-continue',
  ],
  ...[
    'Connection: close',
    'X-Vault-Token: x',
    'X-Vault-Wrap-TTL: 1',
    'Upgrade: h2c',
    '[[[[',
    '\x80\xff',
    ';',
    ',',
    'ffffffff',
  ],
];

/** A whole message with a few places cut, doubled, overwritten, or with a piece put in. */
function mutated(random: (limit: number) => number): string {
  const whole = [
    getRequest('a'),
    putRequest('a', '{"a":1}'),
    putRequest('a', '{"a":1}', '', 3),
    getRequest('b?list=1'),
  ];
  const list = getRequest('a').replace('GET', 'LIST');
  let text = Array.from({ length: 1 + random(3) }, () => [...whole, list][random(5)]).join('');
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(text.length);
    const length = random(8);
    const piece = PIECES[random(PIECES.length)] ?? '';
    const inPlace = [piece, '', text.slice(at, at + length).repeat(2), String.fromCharCode(random(256))][random(4)];
    text = text.slice(0, at) + inPlace + text.slice(at + (random(2) === 0 ? 0 : length));
  }
  return text;
}

const echo: RequestHandler = async ({ operation, path }) => ({ shape: 'raw', data: { seen: `${operation} ${path}` } });

describe('random messages', () => {
  it(`are ${MESSAGES}, and another client is served after them`, () =>
    withEdge({ handle: echo, headersTimeoutMs: 400, requestTimeoutMs: 400 }, async (port) => {
      const random = randomFrom(SEED);
      let left = MESSAGES;
      const lane = async (): Promise<void> => {
        while (left-- > 0) {
          const text = mutated(random);
          const client = RawClient.to(port);
          const cut = random(4) === 0 ? random(text.length) : 0;
          await client.send(text.slice(0, cut));
          client.socket.end(text.slice(cut), 'latin1');
          const answered = await client.ended();
          assert.match(answered, /^(?:HTTP\/1\.1 \d{3} [\s\S]*)?$/, JSON.stringify(text));
          assert.doesNotMatch(answered, /internal error/, JSON.stringify(text));
          client.close();
        }
      };
      await Promise.all(Array.from({ length: 20 }, lane));
      const client = RawClient.to(port);
      await client.send(getRequest('after'));
      assert.match((await client.response()).body, /"seen":"read after"/);
      client.close();
    }));
});

describe('a LIST split at every byte', () => {
  it('is one; behind others it may be refused, but never before they are answered', () =>
    withEdge({ handle: echo }, async (port) => {
      const list = getRequest('c').replace('GET', 'LIST');
      for (const before of ['', getRequest('a'), putRequest('b', '{}')]) {
        const text = before + list;
        for (let at = 1; at < text.length; at++) {
          const client = RawClient.to(port);
          await client.send(text.slice(0, at));
          await new Promise((resolve) => setTimeout(resolve, 1));
          await client.send(text.slice(at));
          if (before !== '') assert.equal((await client.response()).status, 200);
          const { status, body } = await client.response();
          const where = `split at ${at} of ${JSON.stringify(text)}`;
          if (before === '' || status === 200) assert.match(body, /"seen":"list c\/"/, where);
          else assert.equal(status, 400, where);
          client.close();
        }
      }
    }));
});

/** HTTP/2's frames by hand (RFC 9113, 4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]);
/** `:method GET`, `:scheme https`, `:path /v1/a` in HPACK without Huffman coding (RFC 7541). */
const HEADERS = Buffer.concat([Buffer.from([0x82, 0x87, 0x04, 5]), Buffer.from('/v1/a')]);
const number32 = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
const many = (count: number, make: (at: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));

const FLOODS: readonly [string, Buffer][] = [
  [
    'streams that are reset at once',
    many(20_000, (at) => Buffer.concat([frame(1, 5, 2 * at + 1, HEADERS), frame(3, 0, 2 * at + 1, number32(8))])),
  ],
  ['streams without end', many(20_000, (at) => frame(1, 4, 2 * at + 1, HEADERS))],
  ['PING', many(200_000, () => frame(6, 0, 0, Buffer.alloc(8)))],
  ['SETTINGS', many(100_000, () => frame(4, 0, 0))],
  [
    'SETTINGS with thousands of entries',
    many(500, () =>
      frame(
        4,
        0,
        0,
        many(2000, (at) => Buffer.from([0, 3, 0, 0, 0, at & 0xff])),
      ),
    ),
  ],
  [
    'CONTINUATION without end',
    Buffer.concat([frame(1, 0, 1, HEADERS), many(50_000, () => frame(9, 0, 1, Buffer.from([0x40, 1, 0x61, 1, 0x62])))]),
  ],
  ['empty CONTINUATION', Buffer.concat([frame(1, 0, 1), many(100_000, () => frame(9, 0, 1))])],
  ['empty DATA', Buffer.concat([frame(1, 4, 1, HEADERS), many(100_000, () => frame(0, 0, 1))])],
  ['PRIORITY', many(100_000, (at) => frame(2, 0, 2 * at + 1, Buffer.from([0, 0, 0, 0, 1])))],
  [
    'a window that overflows',
    Buffer.concat([frame(1, 5, 1, HEADERS), many(1000, () => frame(8, 0, 0, number32(0x7fffffff)))]),
  ],
  [
    'a window of 0',
    Buffer.concat([
      frame(4, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])),
      many(1000, (at) => frame(1, 5, 2 * at + 1, HEADERS)),
    ]),
  ],
  [
    'headers that grow when unpacked',
    Buffer.concat([
      frame(
        1,
        4,
        1,
        Buffer.concat([HEADERS, Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x1e]), Buffer.alloc(4000, 0x62)]),
      ),
      many(1000, (at) => frame(1, 5, 2 * at + 3, Buffer.concat([HEADERS, Buffer.alloc(8000, 0xbe)]))),
    ]),
  ],
  ['frames of unknown types', many(100_000, () => frame(0xbb, 0xff, 0, Buffer.alloc(8)))],
];

describe('floods over HTTP/2', async () => {
  const authority = await createCertificateAuthority();
  const issued = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'], ipAddresses: [] });
  const tls = { cert: issued.certificatePem, key: issued.privateKeyPem };
  const options = { servername: 'localhost', ca: authority.certificatePem };

  async function served(session: ClientHttp2Session): Promise<void> {
    const stream = session.request({ ':path': '/v1/a' });
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }];
    assert.equal(headers[':status'], 200);
    stream.resume();
    await once(stream, 'end');
  }

  it('harm nobody else, during and after', () =>
    withEdge({ handle: echo, tls, headersTimeoutMs: 5000 }, async (port) => {
      const other = connectHttp2(`https://127.0.0.1:${port}`, options);
      const heapBefore = process.memoryUsage().rss;
      for (const [name, bytes] of FLOODS) {
        const socket = connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], ...options });
        socket.on('error', () => undefined).resume();
        await once(socket, 'secureConnect');
        const sent = new Promise<void>((done) => {
          socket.once('close', () => done());
          socket.write(Buffer.concat([PREFACE, bytes]), () => done());
        });
        await served(other);
        await sent;
        await served(other);
        socket.destroy();
        assert.ok(!other.destroyed, name);
      }
      // The floods have 20 MB; an edge that kept what they ask for would have gigabytes.
      assert.ok(process.memoryUsage().rss - heapBefore < 512 * 1024 * 1024);
      const gone = once(other, 'close');
      other.close();
      await gone;
    }));
});
