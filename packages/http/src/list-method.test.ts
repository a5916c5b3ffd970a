import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type JsonObject, silentLogger } from '@coffer/base';
import { type HttpEdge, createHttpEdge } from './index.ts';
import { RawClient } from './raw-client-fixture.ts';

const HOST = 'Host: x\r\n';
const get = (path: string) => `GET /v1/${path} HTTP/1.1\r\n${HOST}\r\n`;
const list = (path: string) => `LIST /v1/${path} HTTP/1.1\r\n${HOST}\r\n`;
const put = (path: string, body: string) =>
  `PUT /v1/${path} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (path: string, body: string) =>
  `POST /v1/${path} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** Long enough for what was sent to be read on its own; what follows then comes in a packet of its own. */
const apart = () => new Promise((resolve) => setTimeout(resolve, 50));

describe('LIST over HTTP/1.1', () => {
  let edge: HttpEdge;
  let port: number;
  before(async () => {
    const handle = async ({ operation, path, data }: { operation: string; path: string; data: JsonObject }) => ({
      shape: 'raw' as const,
      data: { seen: `${operation} ${path}`, data },
    });
    edge = createHttpEdge({ handle, logger: silentLogger });
    ({ port } = await edge.listen('127.0.0.1', 0));
  });
  after(() => edge.close(0));

  const seen = async (client: RawClient): Promise<string> => {
    const { status, body } = await client.response();
    return status === 200 ? (JSON.parse(body) as { seen: string }).seen : String(status);
  };
  const withClient = async (use: (client: RawClient) => Promise<void>): Promise<void> => {
    const client = RawClient.to(port);
    try {
      await use(client);
    } finally {
      client.close();
    }
  };

  it('works between reads and writes on one connection', () =>
    withClient(async (client) => {
      for (let round = 0; round < 20; round++) {
        const exchanges: [string, string][] = [
          [get('a'), 'read a'],
          [list('b'), 'list b/'],
          [put('c', '{"x":1}'), 'update c'],
          [list('d'), 'list d/'],
          [list('e'), 'list e/'],
          [chunked('f', '{"y":2}'), 'update f'],
          [list('g'), 'list g/'],
        ];
        for (const [request, expected] of exchanges) {
          await client.send(request);
          assert.equal(await seen(client), expected);
        }
      }
    }));

  it('works one byte at a time', () =>
    withClient(async (client) => {
      for (const [request, expected] of [
        [list('b'), 'list b/'],
        [put('c', '{"x":"LIST /"}'), 'update c'],
        [list('d'), 'list d/'],
        [get('LIST'), 'read LIST'],
        [chunked('f', '{"y":2}'), 'update f'],
        [list('LIST'), 'list LIST/'],
      ] as const) {
        await client.sendSplit(request);
        assert.equal(await seen(client), expected);
      }
    }));

  it('leaves bodies alone that look like it, whole or in packets of their own', () =>
    withClient(async (client) => {
      const body = '{"a":\r\n\r\n"LIST /v1/x HTTP/1.1"}';
      await client.send(put('c', body));
      assert.deepEqual(JSON.parse((await client.response()).body), {
        seen: 'update c',
        data: { a: 'LIST /v1/x HTTP/1.1' },
      });
      // Headers in one packet; the body, which starts like a LIST, in the next.
      const looksLikeList = 'LIST /v1/x';
      await client.send(`PUT /v1/c HTTP/1.1\r\n${HOST}Content-Length: ${looksLikeList.length}\r\n\r\n`);
      await apart();
      await client.send(looksLikeList);
      const refusal = await client.response();
      assert.equal(refusal.status, 400);
      await client.send(list('d'));
      assert.equal(await seen(client), 'list d/');
      // The bytes themselves: a JSON string that begins a packet with LIST arrives unchanged.
      await client.send(`PUT /v1/c HTTP/1.1\r\n${HOST}Content-Length: 16\r\n\r\n{"a":"`);
      await apart();
      await client.send('LIST /v1"}');
      assert.deepEqual(JSON.parse((await client.response()).body), { seen: 'update c', data: { a: 'LIST /v1' } });
    }));

  it('tells a real LINK apart', () =>
    withClient(async (client) => {
      await client.send(list('a'));
      assert.equal(await seen(client), 'list a/');
      await client.send(list('a').replace('LIST', 'LINK'));
      assert.equal(await seen(client), '405');
      await client.sendSplit(list('b'));
      assert.equal(await seen(client), 'list b/');
      await client.sendSplit(list('b').replace('LIST', 'LINK'));
      assert.equal(await seen(client), '405');
    }));

  it('refuses verbs that only begin like it', async () => {
    for (const verb of ['LISX', 'LISTS', 'LI', 'list']) {
      await withClient(async (client) => {
        await client.send(list('a').replace('LIST', verb));
        assert.equal(await seen(client), '400', verb);
      });
    }
  });

  it('works behind other requests in one packet', () =>
    withClient(async (client) => {
      await client.send(
        get('a') + list('b') + put('c', '{"x":"LIST /"}') + list('d') + list('e').replace('LIST', 'LINK') + get('f'),
      );
      for (const expected of ['read a', 'list b/', 'update c', 'list d/', '405', 'read f'])
        assert.equal(await seen(client), expected);
      await client.send(list('a') + list('b'));
      for (const expected of ['list a/', 'list b/']) assert.equal(await seen(client), expected);
      // The last of them continues in the next packet.
      const [head, tail] = [list('b').slice(0, 12), list('b').slice(12)];
      await client.send(get('a') + head);
      assert.equal(await seen(client), 'read a');
      await client.send(tail);
      assert.equal(await seen(client), 'list b/');
      await client.send(list('c'));
      assert.equal(await seen(client), 'list c/');
      await client.send(list('d') + list('e') + 'LI');
      for (const expected of ['list d/', 'list e/']) assert.equal(await seen(client), expected);
      await client.send(list('f').slice(2) + get('g'));
      for (const expected of ['list f/', 'read g']) assert.equal(await seen(client), expected);
    }));

  it('behind a request whose framing it is not sure of is refused after the answers to all before', async () => {
    const pipelined: readonly [string, readonly string[]][] = [
      [chunked('c', '{"x":1}') + list('d'), ['update c', '400']],
      [
        get('a') + chunked('c', '{}') + put('e', '{}') + list('d') + get('f'),
        ['read a', 'update c', 'update e', '400'],
      ],
      [put('a', '{}') + list('b') + chunked('c', '{}') + list('d'), ['update a', 'list b/', 'update c', '400']],
      [get('a') + get('b') + 'LISTEN /v1/c HTTP/1.1\r\n\r\n', ['read a', 'read b', '400']],
      [get('a') + chunked('c', '{}').replace('\r\n2\r\n', '\r\nzz\r\n') + get('f'), ['read a', '400']],
    ];
    for (const [bytes, expected] of pipelined) {
      for (const send of ['send', 'sendSplit'] as const) {
        // Byte by byte no boundary is in doubt.
        if (send === 'sendSplit' && bytes.includes(' /v1/d')) continue;
        await withClient(async (client) => {
          await client[send](bytes);
          for (const answer of expected) assert.equal(await seen(client), answer, bytes);
          assert.equal(await client.ended(), '');
        });
      }
    }
  });

  it('does not touch a pipelined body whose framing it cannot be sure of', () =>
    withClient(async (client) => {
      await client.send(chunked('c', '{"x":"\\r\\n\\r\\nLIST /"}'));
      assert.deepEqual(JSON.parse((await client.response()).body), { seen: 'update c', data: { x: '\r\n\r\nLIST /' } });
    }));

  it('goes with Expect: 100-continue', () =>
    withClient(async (client) => {
      await client.send(`PUT /v1/c HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 7\r\n\r\n`);
      assert.equal((await client.response(false)).status, 100);
      await client.send('{"x":1}');
      assert.equal(await seen(client), 'update c');
      await client.send(list('d'));
      assert.equal(await seen(client), 'list d/');
      await client.send(`GET /v1/e HTTP/1.1\r\n${HOST}Expect: something-else\r\n\r\n`);
      assert.equal(await seen(client), 'read e');
      await client.send(list('f'));
      assert.equal(await seen(client), 'list f/');
    }));

  it('works with curl', async (t) => {
    const run = promisify(execFile);
    try {
      await run('curl', ['--version']);
    } catch {
      t.skip('curl is not installed');
      return;
    }
    const url = `http://127.0.0.1:${port}/v1`;
    const { stdout } = await run('curl', [
      '-sS',
      '-X',
      'LIST',
      `${url}/a`,
      '--next',
      '-sS',
      '-d',
      '{"x":1}',
      `${url}/b`,
      '--next',
      '-sS',
      '-X',
      'LIST',
      `${url}/c`,
    ]);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { seen: string }).seen),
      ['list a/', 'update b', 'list c/'],
    );
  });
});
