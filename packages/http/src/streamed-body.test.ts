import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError, createLogger, type Leaving, type LogEntry } from '@coffer/base';
import type { RequestHandler } from '@coffer/framework';
import { createCertificateAuthority } from '@coffer/testkit';
import { getRequest, withEdge } from './edge-fixture.ts';
import { RawClient } from './raw-client-fixture.ts';

type Source = (gone: Leaving) => AsyncGenerator<Uint8Array>;

/** Answers each request with the source of its path. `ended` has those that have cleaned up. */
function streams(sources: Readonly<Record<string, Source>>, contentLength?: number) {
  const ended: string[] = [];
  const handle: RequestHandler = async ({ path, gone }) => {
    const source = sources[path];
    assert.ok(source !== undefined && gone !== undefined);
    async function* chunks(this: void) {
      try {
        yield* source!(gone!);
      } finally {
        ended.push(path);
      }
    }
    const stream = { contentType: 'application/gzip', chunks: chunks(), ...(contentLength && { contentLength }) };
    return { stream };
  };
  return { handle, ended };
}

const three: Source = async function* () {
  for (const text of ['one ', 'two ', 'three']) yield Buffer.from(text);
};
const MIB = Buffer.alloc(1024 * 1024, 'x');
/** Without end; counts what was asked for. */
function endless() {
  const made = { chunks: 0 };
  const source: Source = async function* () {
    for (;;) {
      made.chunks++;
      yield MIB;
    }
  };
  return { made, source };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

describe('an answer that is a stream', () => {
  it('arrives whole, in parts or with its length, and the connection serves on', async () => {
    await withEdge(streams({ a: three }), async (port) => {
      for (let round = 0; round < 2; round++) {
        const answer = await fetch(`http://127.0.0.1:${port}/v1/a`);
        assert.deepEqual([answer.status, await answer.text()], [200, 'one two three']);
        assert.equal(answer.headers.get('content-type'), 'application/gzip');
        assert.equal(answer.headers.get('cache-control'), 'no-store');
      }
    });
    await withEdge(streams({ a: three }, 13), async (port) => {
      const client = RawClient.to(port);
      for (let round = 0; round < 2; round++) {
        await client.send(getRequest('a'));
        assert.equal((await client.response()).body, 'one two three');
      }
      client.close();
    });
  });

  it('arrives whole over HTTP/2', async () => {
    const authority = await createCertificateAuthority();
    const issued = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'] });
    const tls = { cert: issued.certificatePem, key: issued.privateKeyPem };
    const { handle, ended } = streams({
      a: async function* () {
        for (let count = 0; count < 8; count++) yield MIB;
      },
    });
    await withEdge({ handle, tls }, async (port) => {
      const session = connectHttp2(`https://localhost:${port}`, { ca: authority.certificatePem });
      const request = session.request({ ':path': '/v1/a' });
      let bytes = 0;
      for await (const chunk of request) bytes += (chunk as Buffer).length;
      assert.equal(bytes, 8 * MIB.length);
      session.destroy();
    });
    assert.deepEqual(ended, ['a']);
  });

  it('sends its headers with an empty first chunk, and what comes later as it comes', async () => {
    const later = Promise.withResolvers<void>();
    const { handle } = streams({
      a: async function* () {
        yield new Uint8Array(0);
        await later.promise;
        yield Buffer.from('late');
      },
    });
    await withEdge({ handle }, async (port) => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/a`);
      assert.equal(answer.status, 200);
      later.resolve();
      assert.equal(await answer.text(), 'late');
    });
  });

  it('that fails is an error before its first chunk, and later a connection that is cut', async () => {
    const entries: LogEntry[] = [];
    const logger = createLogger('http', 'error', (entry) => entries.push(entry));
    const { handle, ended } = streams({
      early: async function* () {
        yield await Promise.reject(new CofferError('unavailable', 'the store is away'));
      },
      late: async function* () {
        yield Buffer.from('half');
        throw new Error('the store went away');
      },
    });
    await withEdge({ handle, logger }, async (port) => {
      const early = await fetch(`http://127.0.0.1:${port}/v1/early`);
      assert.deepEqual([early.status, await early.json()], [503, { errors: ['the store is away'] }]);
      assert.equal(early.headers.get('content-type'), 'application/json');
      const late = await fetch(`http://127.0.0.1:${port}/v1/late`);
      await assert.rejects(late.text());
    });
    assert.deepEqual(ended, ['early', 'late']);
    assert.deepEqual(
      entries.map(({ message, fields }) => [message, fields.error]),
      [['internal error', 'the store went away']],
    );
  });

  it('is made no faster than its client takes it, and cut when the client takes nothing more', async () => {
    const { made, source } = endless();
    const { handle, ended } = streams({ a: source });
    await withEdge({ handle, responseTimeoutMs: 500 }, async (port) => {
      const client = RawClient.to(port);
      client.socket.pause();
      await client.send(getRequest('a'));
      await until(() => ended.length > 0);
      // What the kernel takes for a client that reads nothing.
      assert.ok(made.chunks < 20, `${made.chunks} MiB were made`);
      client.close();
    });
  });

  it('may take longer than an answer may, as long as the client takes it', async () => {
    const { handle } = streams({
      a: async function* () {
        for (let count = 0; count < 6; count++) {
          yield MIB;
          await sleep(50);
        }
      },
    });
    await withEdge({ handle, responseTimeoutMs: 100 }, async (port) => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/a`);
      assert.equal((await answer.arrayBuffer()).byteLength, 6 * MIB.length);
    });
  });

  it('ends when the client goes, while it is sent and while the source waits', async () => {
    const { source } = endless();
    const { handle, ended } = streams({
      sending: source,
      waiting: async function* (gone) {
        yield Buffer.from('first');
        await new Promise<void>((resolve) => gone.addEventListener('abort', resolve));
      },
    });
    await withEdge({ handle }, async (port) => {
      for (const path of ['sending', 'waiting']) {
        const gone = new AbortController();
        const answer = await fetch(`http://127.0.0.1:${port}/v1/${path}`, { signal: gone.signal });
        await answer.body?.getReader().read();
        gone.abort();
        await until(() => ended.includes(path));
      }
    });
  });

  it('is not begun for a client that has gone, and sends headers alone for HEAD', async () => {
    const begun: string[] = [];
    const entered = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const handle: RequestHandler = async ({ path }) => {
      if (path === 'gone') {
        entered.resolve();
        await open.promise;
      }
      async function* chunks() {
        begun.push(path);
        yield Buffer.from('never');
      }
      return { stream: { contentType: 'text/plain', chunks: chunks() } };
    };
    await withEdge({ handle }, async (port, edge) => {
      const client = RawClient.to(port);
      await client.send(getRequest('gone'));
      await entered.promise;
      client.close();
      const head = await fetch(`http://127.0.0.1:${port}/v1/sys/head`, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-type'), await head.text()], [200, 'text/plain', '']);
      open.resolve();
      await edge.close(10_000);
    });
    assert.deepEqual(begun, ['sys/head']);
  });
});
