/** What the bodies of strangers and of everybody together may cost, through a listening edge. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Caller, RequestHandler } from '@coffer/framework';
import { eventually } from '@coffer/testkit';
import { clientFrom, putRequest, withEdge } from './edge-fixture.ts';
import { BodyBudget } from './index.ts';
import { RawClient } from './raw-client-fixture.ts';

const KIB = 1024;
const TOKEN = 'X-Vault-Token: known\r\n';
const STRANGER = 'X-Vault-Token: stranger\r\n';
const text = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;
const takesLargeBody = ({ token }: Caller): Promise<boolean> => Promise.resolve(token === 'known');
/** Answers the length of what it got. */
const echo: RequestHandler = async ({ data }) => ({
  shape: 'raw',
  data: { length: typeof data['a'] === 'string' ? data['a'].length : 0 },
});

async function answer(client: RawClient, request: string): Promise<[number, string]> {
  client.socket.write(request, 'latin1');
  const { status, body } = await client.response();
  return [status, body];
}

/** Handlers that wait until they are let go. */
function held() {
  const open = Promise.withResolvers<void>();
  let entered = 0;
  const waiters: [number, () => void][] = [];
  const handle: RequestHandler = async () => {
    entered++;
    for (const [count, done] of waiters) if (entered >= count) done();
    await open.promise;
    return undefined;
  };
  const enteredBy = (count: number) =>
    new Promise<void>((done) => (entered >= count ? done() : waiters.push([count, done])));
  return { handle, enteredBy, open: open.resolve };
}

describe('a body before the token is known', () => {
  it('may have 256 KiB, declared or in chunks, and no byte more', () =>
    withEdge({ handle: echo, takesLargeBody }, async (port) => {
      for (const headers of ['', STRANGER, 'Authorization: Bearer stranger\r\n']) {
        for (const chunkBytes of [0, 5000]) {
          const fits = RawClient.to(port);
          const [status, body] = await answer(fits, putRequest('a', text(256 * KIB), headers, chunkBytes));
          assert.deepEqual([status, body.trim()], [200, `{"length":${256 * KIB - 8}}`]);
          // The connection goes on.
          assert.equal((await answer(fits, putRequest('a', '{"a":""}', headers)))[0], 200);
          fits.close();
          const large = RawClient.to(port);
          const [refused, why] = await answer(large, putRequest('a', text(256 * KIB + 1), headers, chunkBytes));
          assert.equal(refused, 413);
          assert.match(why, /request body too large: larger bodies need a valid token/);
          large.close();
        }
      }
    }));

  it('is refused before it is sent', () =>
    withEdge({ handle: echo, takesLargeBody }, async (port) => {
      for (const headers of ['', 'Expect: 100-continue\r\n']) {
        const client = RawClient.to(port);
        await client.send(`PUT /v1/a HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${300 * KIB}\r\n\r\n`);
        assert.equal((await client.response()).status, 413);
        client.close();
      }
      const known = RawClient.to(port);
      const body = text(300 * KIB);
      await known.send(
        `PUT /v1/a HTTP/1.1\r\nHost: x\r\n${TOKEN}Expect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      assert.equal((await known.response(false)).status, 100);
      assert.equal((await answer(known, body))[0], 200);
      known.close();
    }));

  it('is larger for a known one, who is asked for once and only then', async () => {
    const asked: Caller[] = [];
    const note = (caller: Caller) => {
      const { path, token, remoteAddress } = caller;
      asked.push({ path, token, remoteAddress });
      return takesLargeBody(caller);
    };
    await withEdge({ handle: echo, takesLargeBody: note, maxBodyBytes: 2000 * KIB }, async (port) => {
      const client = RawClient.to(port);
      assert.equal((await answer(client, putRequest('a', text(200 * KIB), TOKEN)))[0], 200);
      assert.deepEqual(asked, []);
      for (const chunkBytes of [0, 60_000]) {
        const [status, body] = await answer(client, putRequest('b/c', text(2000 * KIB), TOKEN, chunkBytes));
        assert.deepEqual([status, body.trim()], [200, `{"length":${2000 * KIB - 8}}`]);
      }
      const caller = { path: 'b/c', token: 'known', remoteAddress: '127.0.0.1' };
      assert.deepEqual(asked, [caller, caller]);
      assert.equal((await answer(client, putRequest('a', text(2000 * KIB + 1), TOKEN)))[0], 413);
      client.close();
    });
  });

  it('is answered when nobody can say whether the token is known', () =>
    withEdge({ handle: echo, takesLargeBody: () => Promise.reject(new Error('away')) }, async (port) => {
      for (const chunkBytes of [0, 60_000]) {
        const client = RawClient.to(port);
        assert.equal((await answer(client, putRequest('a', text(300 * KIB), TOKEN, chunkBytes)))[0], 500);
        client.close();
      }
    }));
});

describe('the budget of all bodies', () => {
  it('is kept from the first byte to the end of the request, and comes back', async () => {
    const bodyBudget = new BodyBudget({ totalBytes: 1000 * KIB });
    const { handle, enteredBy, open } = held();
    await withEdge({ handle, takesLargeBody, bodyBudget }, async (port) => {
      const clients = [1, 2, 3].map(() => RawClient.to(port));
      for (const client of clients) client.socket.write(putRequest('a', text(300 * KIB), TOKEN));
      await enteredBy(3);
      assert.ok(bodyBudget.taken >= 900 * KIB && bodyBudget.taken <= 1000 * KIB, String(bodyBudget.taken));
      const late = RawClient.to(port);
      late.socket.write(putRequest('a', text(300 * KIB), TOKEN));
      const refused = await late.response();
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
      assert.match(refused.body, /the server is busy: too many requests with large bodies in flight/);
      // What needs little is still served.
      const small = RawClient.to(port);
      small.socket.write(putRequest('a', '{}', TOKEN));
      await enteredBy(4);
      open();
      for (const client of [...clients, small]) assert.equal((await client.response()).status, 204);
      for (const client of [...clients, small, late]) client.close();
    });
    assert.equal(bodyBudget.taken, 0);
  });

  it('cannot be taken by strangers, nor their part by one address, nor for longer than a request may take', async () => {
    const bodyBudget = new BodyBudget({ totalBytes: 4000 * KIB, strangerBytes: 1000 * KIB });
    const half = (bytes: number) =>
      `PUT /v1/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${256 * KIB}\r\n\r\n${'x'.repeat(bytes)}`;
    const options = { handle: echo, takesLargeBody, bodyBudget, requestTimeoutMs: 3000 };
    await withEdge(options, async (port) => {
      const takes = async (client: RawClient, bytes: number): Promise<void> => {
        const before = bodyBudget.taken;
        await client.send(half(bytes));
        await eventually(() => bodyBudget.taken >= before + bytes, 'the arrival of the bytes');
      };
      const slow: RawClient[] = [];
      for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']) {
        const client = clientFrom(address, port);
        await takes(client, 240 * KIB);
        slow.push(client);
        const second = clientFrom(address, port);
        assert.equal((await answer(second, putRequest('a', text(60 * KIB))))[0], 429, 'its address has enough');
        second.close();
        const small = clientFrom(address, port);
        assert.equal((await answer(small, putRequest('a', text(15 * KIB))))[0], 200, 'a login needs no more');
        small.close();
      }
      const other = clientFrom('127.0.0.6', port);
      assert.equal((await answer(other, putRequest('a', text(130 * KIB))))[0], 503, 'the strangers have enough');
      other.close();
      const known = clientFrom('127.0.0.2', port);
      assert.equal((await answer(known, putRequest('a', text(100 * KIB), TOKEN)))[0], 200);
      known.close();
      await Promise.all(slow.map((client) => client.ended()));
      const again = clientFrom('127.0.0.6', port);
      assert.equal((await answer(again, putRequest('a', text(50 * KIB))))[0], 200);
      again.close();
    });
    assert.equal(bodyBudget.taken, 0);
  });

  it('is given back by clients that go away, and by what is refused', async () => {
    const bodyBudget = new BodyBudget();
    await withEdge({ handle: echo, takesLargeBody, bodyBudget }, async (port) => {
      for (const request of [
        putRequest('a', text(100 * KIB)).slice(0, 50_000),
        putRequest('a', text(300 * KIB), TOKEN, 10_000).slice(0, 280_000),
        putRequest('a', text(300 * KIB), '', 10_000),
        putRequest('a', '['.repeat(200 * KIB)),
        putRequest('a', text(1000), '', 100).replace('\r\n64\r\n', '\r\nzz\r\n'),
      ]) {
        const client = RawClient.to(port);
        await client.send(request);
        await new Promise((done) => setTimeout(done, 30));
        client.close();
      }
      await eventually(() => bodyBudget.taken <= 0, 'the return of the budget');
    });
  });
});

describe('what is in a body', () => {
  it('is looked at before it is parsed', () =>
    withEdge({ handle: echo, takesLargeBody }, async (port) => {
      const client = RawClient.to(port);
      const cases: readonly [string, RegExp][] = [
        [`{"a":${'['.repeat(16_000)}${']'.repeat(16_000)}}`, /more than 100 levels of nesting/],
        [`{"a":[${'[],'.repeat(40_000)}[]]}`, /more than 10000 values/],
        [`{"a":[${'"",'.repeat(2000)}""]}`, /more than 1000 strings/],
        [`{"${'n'.repeat(2000)}":1}`, /more than 1024 bytes in the name of a field/],
        [`{"a":${'9'.repeat(2000)}}`, /more than 100 characters in a number/],
        [`{"a":"${'é'.repeat(9_000_000)}"}`, /more than 34078720 bytes in memory/],
      ];
      for (const [body, why] of cases) {
        const [status, said] = await answer(client, putRequest('a', Buffer.from(body).toString('latin1'), TOKEN));
        assert.equal(status, 400, said);
        assert.match(said, why);
      }
      // As large as it gets, and harmless.
      const most = `{"a":"${'x'.repeat(32 * KIB * KIB - 9)}"}`;
      assert.equal((await answer(client, putRequest('a', most, TOKEN)))[0], 200);
      client.close();
    }));

  it('costs memory that comes back', async () => {
    await withEdge({ handle: echo, takesLargeBody }, async (port) => {
      const client = RawClient.to(port);
      const large = putRequest('a', `{"a":"${'x'.repeat(20 * KIB * KIB)}"}`, TOKEN);
      const nested = putRequest('a', `{"a":${'[],'.repeat(5 * KIB * KIB)}1}`, TOKEN);
      await answer(client, large);
      const before = process.memoryUsage();
      for (let round = 0; round < 6; round++) {
        await answer(client, large);
        await answer(client, nested);
      }
      client.close();
      // Six times 35 MiB were received, which lies there until a garbage collector hurries unless it is given back.
      const after = process.memoryUsage();
      assert.ok(after.arrayBuffers - before.arrayBuffers < 64 * KIB * KIB, `${after.arrayBuffers}`);
    });
  });
});

describe('the query', () => {
  it('has a bounded number of parameters', () =>
    withEdge(
      { handle: async ({ data }) => ({ shape: 'raw', data: { count: Object.keys(data).length } }) },
      async (port) => {
        const get = (count: number) =>
          fetch(`http://127.0.0.1:${port}/v1/a?${Array.from({ length: count }, (_, at) => `p${at}=1`).join('&')}`);
        assert.deepEqual(await (await get(100)).json(), { count: 100 });
        const refused = await get(101);
        assert.equal(refused.status, 400);
        assert.match(await refused.text(), /the query has more than 100 parameters/);
      },
    ));
});
