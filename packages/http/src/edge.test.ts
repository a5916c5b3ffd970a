import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LogEntry, CofferError, createLogger, silentLogger } from '@coffer/base';
import type { IncomingRequest, RequestHandler } from '@coffer/framework';
import { type HttpEdge, type HttpEdgeOptions, createHttpEdge } from './index.ts';
import { RawClient } from './raw-client-fixture.ts';

type Given = Partial<HttpEdgeOptions> & { handle: RequestHandler };

async function withEdge(
  given: Given,
  use: (url: string, port: number, edge: HttpEdge) => Promise<void>,
): Promise<void> {
  const edge = createHttpEdge({ logger: silentLogger, ...given });
  try {
    const { port } = await edge.listen('127.0.0.1', 0);
    await use(`http://127.0.0.1:${port}/v1`, port, edge);
  } finally {
    await edge.close(0);
  }
}

const nothing: RequestHandler = async () => undefined;
/** A handler whose calls wait until the test lets them go. */
function gate() {
  const entered = Promise.withResolvers<IncomingRequest>();
  const open = Promise.withResolvers<void>();
  const handle: RequestHandler = async (request) => {
    entered.resolve(request);
    await open.promise;
    return { data: { ok: true } };
  };
  return { handle, entered: entered.promise, open: open.resolve };
}

describe('requests', () => {
  it('arrive whole', async () => {
    const seen: IncomingRequest[] = [];
    const handle: RequestHandler = async (request) => {
      seen.push(request);
      return undefined;
    };
    await withEdge({ handle }, async (url) => {
      await fetch(`${url}/database/roles/a%20b`, {
        method: 'PUT',
        headers: { 'X-Vault-Token': 's.x' },
        body: '{"db_name":"yb","n":[1]}',
      });
      await fetch(`${url}/database/roles?list=true&after=c`, { headers: { Authorization: 'Bearer s.y' } });
      await fetch(`${url}/sys/x`, { method: 'POST' });
    });
    const rest = seen.map(({ id, gone, headers, remotePort = 0, ...other }) => {
      assert.ok(remotePort > 0);
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.equal(headers?.get('host')?.length, 1);
      // What a handler may write down holds no token.
      assert.deepEqual([headers?.get('x-vault-token'), headers?.get('authorization')], [undefined, undefined]);
      assert.equal(gone?.aborted, false, 'each client got its answer');
      return other;
    });
    const remoteAddress = '127.0.0.1';
    assert.deepEqual(rest, [
      { operation: 'update', path: 'database/roles/a b', token: 's.x', data: { db_name: 'yb', n: [1] }, remoteAddress },
      { operation: 'list', path: 'database/roles/', token: 's.y', data: { after: 'c' }, remoteAddress },
      { operation: 'update', path: 'sys/x', token: '', data: {}, remoteAddress },
    ]);
    assert.equal(new Set(seen.map(({ id }) => id)).size, 3);
  });

  it('are answered with the recorded headers, with and without body', () =>
    withEdge({ handle: async ({ path }) => (path === 'sys/none' ? undefined : { data: { a: 'é' } }) }, async (url) => {
      for (const path of ['sys/none', 'sys/some']) {
        const response = await fetch(`${url}/${path}`);
        assert.equal(response.status, path === 'sys/none' ? 204 : 200);
        assert.equal(response.headers.get('cache-control'), 'no-store');
        assert.equal(response.headers.get('content-type'), 'application/json');
        assert.equal(response.headers.get('strict-transport-security'), 'max-age=31536000; includeSubDomains');
        const text = await response.text();
        if (path === 'sys/none') assert.equal(text, '');
        else assert.deepEqual((JSON.parse(text) as { data: unknown }).data, { a: 'é' });
      }
      const head = await fetch(`${url}/sys/some`, { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(await head.text(), '');
      assert.ok(Number(head.headers.get('content-length')) > 0);
    }));

  it('that cannot be served say why', () =>
    withEdge({ handle: nothing }, async (url, port) => {
      const cases: [string, RequestInit, number, RegExp | undefined][] = [
        [`http://127.0.0.1:${port}/`, {}, 404, undefined],
        [`http://127.0.0.1:${port}/ui/`, {}, 404, undefined],
        [`${url}/a%zz`, {}, 400, /percent-encoding/],
        [`${url}/a//b`, {}, 400, /segments/],
        [`${url}/a`, { method: 'PATCH', body: '{}' }, 405, /unsupported method/],
        [`${url}/a`, { method: 'OPTIONS' }, 405, /unsupported method/],
        [`${url}/a`, { method: 'PUT', body: '{"a":' }, 400, /^failed to parse JSON input/],
        [`${url}/a`, { method: 'PUT', body: '[]' }, 400, /must be an object/],
        [`${url}/a`, { headers: { 'X-Vault-Namespace': 'team' } }, 400, /namespaces are not supported/],
      ];
      for (const [address, init, status, message] of cases) {
        const response = await fetch(address, init);
        assert.equal(response.status, status, address);
        const { errors } = (await response.json()) as { errors: string[] };
        if (message === undefined) assert.deepEqual(errors, []);
        else assert.match(errors[0] ?? '', message);
      }
    }));
});

describe('errors of the handler', () => {
  it('keep their message, and what is no CofferError is masked and logged', async () => {
    const entries: LogEntry[] = [];
    const logger = createLogger('http', 'error', (entry) => entries.push(entry));
    const handle: RequestHandler = async ({ path }) => {
      if (path === 'bug') throw new TypeError('x is not a function');
      throw new CofferError('permission-denied', 'permission denied');
    };
    await withEdge({ handle, logger }, async (url) => {
      const denied = await fetch(`${url}/a`);
      assert.deepEqual([denied.status, await denied.json()], [403, { errors: ['permission denied'] }]);
      const bug = await fetch(`${url}/bug`);
      assert.deepEqual([bug.status, await bug.json()], [500, { errors: ['internal error'] }]);
    });
    assert.deepEqual(
      entries.map(({ message, fields }) => [message, fields.error]),
      [['internal error', 'x is not a function']],
    );
    assert.match(String(entries[0]?.fields.place), /edge\.test\.ts/);
  });

  it('in an answer that is no JSON are masked too', async () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await withEdge({ handle: async () => ({ data: circular as never }) }, async (url) => {
      const response = await fetch(`${url}/a`);
      assert.deepEqual([response.status, await response.json()], [500, { errors: ['internal error'] }]);
    });
  });
});

describe('limits', () => {
  it('answer a body that is too large, declared or not, with 413', () =>
    withEdge({ handle: nothing, maxBodyBytes: 1000 }, async (url, port) => {
      const big = `{"a":"${'x'.repeat(100_000)}"}`;
      const declared = await fetch(`${url}/a`, { method: 'PUT', body: big });
      assert.deepEqual([declared.status, await declared.json()], [413, { errors: ['request body too large'] }]);
      const client = RawClient.to(port);
      await client.send(
        `PUT /v1/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`,
      );
      const response = await client.response();
      assert.deepEqual([response.status, response.headers.get('connection')], [413, 'close']);
      await client.ended();
      const waiting = RawClient.to(port);
      await waiting.send('PUT /v1/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n');
      assert.equal((await waiting.response()).status, 413, 'no 100 first');
      waiting.close();
      assert.equal((await fetch(`${url}/a`, { method: 'PUT', body: '{"a":1}' })).status, 204);
    }));

  it('end a connection whose headers do not come to an end', () =>
    withEdge({ handle: nothing, headersTimeoutMs: 200 }, async (_url, port) => {
      const client = RawClient.to(port);
      await client.send('GET /v1/a HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      assert.match(await client.ended(), /^HTTP\/1\.1 408 /);
    }));

  it('take no client for slow when it was the process that stood still', () =>
    withEdge({ handle: nothing, headersTimeoutMs: 800 }, async (_url, port) => {
      const [whole, half] = [RawClient.to(port), RawClient.to(port)];
      await half.send('GET /v1/a HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      await whole.send('GET ');
      await sleep(100);
      // The timers are next after this, as they are for a process that is woken by SIGCONT.
      await new Promise((resolve) => setImmediate(resolve));
      whole.socket.write('/v1/a HTTP/1.1\r\nHost: x\r\n\r\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
      assert.equal((await whole.response(false)).status, 204);
      assert.match(await half.ended(), /^HTTP\/1\.1 408 /);
    }));

  it('end a connection whose body does not come to an end, without asking the handler', async () => {
    let calls = 0;
    const handle: RequestHandler = async () => {
      calls++;
      return undefined;
    };
    await withEdge({ handle, headersTimeoutMs: 200, requestTimeoutMs: 200 }, async (_url, port) => {
      const client = RawClient.to(port);
      await client.send('PUT /v1/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{');
      await client.ended();
    });
    assert.equal(calls, 0);
  });

  it('refuse headers that are too large and bytes that are no HTTP', () =>
    withEdge({ handle: nothing }, async (_url, port) => {
      const large = RawClient.to(port);
      await large.send(`GET /v1/a HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
      assert.match(await large.ended(), /^HTTP\/1\.1 431 /);
      const garbage = RawClient.to(port);
      await garbage.send('\x16\x03\x01 hello\r\n\r\n');
      assert.match(await garbage.ended(), /^HTTP\/1\.1 400 /);
      for (const coding of ['gzip, chunked', 'deflate,Chunked']) {
        const coded = RawClient.to(port);
        await coded.send(`PUT /v1/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ${coding}\r\n\r\n2\r\n{}\r\n0\r\n\r\n`);
        const { status, body } = await coded.response();
        assert.deepEqual(
          [status, body],
          [400, '{"errors":["the only supported Transfer-Encoding is \\"chunked\\""]}\n'],
        );
        coded.close();
      }
      const smuggled = RawClient.to(port);
      await smuggled.send(
        'POST /v1/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      );
      assert.match(await smuggled.ended(), /^HTTP\/1\.1 400 /);
    }));
});

describe('a client that goes away', () => {
  it('before its answer does not disturb the edge, and a lease nobody got is logged', async () => {
    const entries: LogEntry[] = [];
    const logged = Promise.withResolvers<void>();
    const logger = createLogger('http', 'warn', (entry) => {
      entries.push(entry);
      logged.resolve();
    });
    const { handle: wait, entered, open } = gate();
    const handle: RequestHandler = async (request) => {
      if (request.path !== 'creds') return undefined;
      await wait(request);
      return { data: {}, lease: { id: 'database/creds/a/1', durationSeconds: 1, renewable: true } };
    };
    await withEdge({ handle, logger }, async (url, port, edge) => {
      const client = RawClient.to(port);
      await client.send('GET /v1/creds HTTP/1.1\r\nHost: x\r\n\r\n');
      await entered;
      client.close();
      // A full exchange behind it: by then the server has seen the other connection's end.
      assert.equal((await fetch(`${url}/other`)).status, 204);
      const closed = edge.close(10_000);
      open();
      await closed;
      await logged.promise;
    });
    assert.deepEqual(
      entries.map(({ message, fields }) => [message, fields.lease_id]),
      [['client disconnected before it got its lease', 'database/creds/a/1']],
    );
  });

  it('inside its body is not served', async () => {
    let calls = 0;
    const handle: RequestHandler = async ({ path }) => {
      if (path === 'a') calls++;
      return undefined;
    };
    await withEdge({ handle }, async (url, port) => {
      const client = RawClient.to(port);
      await client.send('PUT /v1/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"a"');
      client.close();
      assert.equal((await fetch(`${url}/b`)).status, 204);
    });
    assert.equal(calls, 0);
  });
});

describe('close', () => {
  it('lets requests under way finish, ends idle connections and takes no more', async () => {
    const { handle, entered, open } = gate();
    const edge = createHttpEdge({ handle, logger: silentLogger });
    const { port } = await edge.listen('127.0.0.1', 0);
    const busy = RawClient.to(port);
    await busy.send('GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n');
    await entered;
    const silent = RawClient.to(port);
    const idle = RawClient.to(port);
    await idle.send('GET /ui HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal((await idle.response()).status, 404);
    const closed = edge.close(60_000);
    await idle.ended();
    await silent.ended();
    await RawClient.to(port).ended();
    open();
    const response = await busy.response();
    assert.deepEqual([response.status, response.headers.get('connection')], [200, 'close']);
    await closed;
    await busy.ended();
  });

  it('cuts what does not finish within the grace, and may be called again', async () => {
    const { handle, entered, open } = gate();
    const edge = createHttpEdge({ handle, logger: silentLogger });
    const { port } = await edge.listen('127.0.0.1', 0);
    const client = RawClient.to(port);
    await client.send('GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n');
    await entered;
    await edge.close(10);
    assert.equal(await client.ended(), '');
    await edge.close(10);
    open();
  });

  it('frees the port; a port in use is named', async () => {
    const first = createHttpEdge({ handle: nothing, logger: silentLogger });
    const { port, address } = await first.listen('127.0.0.1', 0);
    assert.equal(address, '127.0.0.1');
    const second = createHttpEdge({ handle: nothing, logger: silentLogger });
    await assert.rejects(second.listen('127.0.0.1', port), {
      code: 'failed',
      message: `cannot listen on 127.0.0.1:${port}: the address is already in use`,
    });
    await first.close(0);
    await second.listen('127.0.0.1', port);
    await second.close(0);
  });
});
