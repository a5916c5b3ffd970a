/** One address cannot have all connections, and a request under way is never cut for another one's sake. */
import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { RequestHandler } from '@coffer/framework';
import { createCertificateAuthority, eventually } from '@coffer/testkit';
import { clientFrom, getRequest, withEdge } from './edge-fixture.ts';
import { RawClient } from './raw-client-fixture.ts';

const SLOW = 'slow';

/** Answers at once, but `slow` only when it is let go. */
function partlyHeld() {
  const open = Promise.withResolvers<void>();
  let entered = 0;
  const waiters: (() => void)[] = [];
  const handle: RequestHandler = async ({ path }) => {
    if (path !== SLOW) return undefined;
    entered++;
    for (const wake of waiters.splice(0)) wake();
    await open.promise;
    return { shape: 'raw', data: { slow: true } };
  };
  const enteredBy = async (count: number): Promise<void> => {
    while (entered < count) await new Promise<void>((wake) => waiters.push(wake));
  };
  return { handle, enteredBy, open: open.resolve };
}

const served = async (client: RawClient): Promise<RawClient> => {
  await client.send(getRequest('a'));
  assert.equal((await client.response()).status, 204);
  return client;
};

describe('connections of one address', () => {
  it('are so many; the longest idle goes first, and other addresses are not locked out', async () => {
    const { handle, open } = partlyHeld();
    await withEdge({ handle, maxConnections: 8, maxConnectionsPerNetwork: 3 }, async (port) => {
      const other = await served(clientFrom('127.0.0.2', port));
      const first = await served(clientFrom('127.0.0.3', port));
      const second = await served(clientFrom('127.0.0.3', port));
      const third = await served(clientFrom('127.0.0.3', port));
      // The first speaks again: now the second has been idle for longest.
      await served(first);
      const fourth = await served(clientFrom('127.0.0.3', port));
      assert.equal(await second.ended(), '');
      for (const client of [first, third, fourth, other]) await served(client);
      open();
      for (const client of [first, third, fourth, other]) client.close();
    });
  });

  it('go in the order in which they were last used, a request that takes long counting from its end', async () => {
    const { handle, enteredBy, open } = partlyHeld();
    await withEdge({ handle, maxConnections: 16, maxConnectionsPerNetwork: 5 }, async (port) => {
      const clients = Array.from({ length: 5 }, () => clientFrom('127.0.0.3', port));
      const slow = clients[0] ?? assert.fail();
      await slow.send(getRequest(SLOW));
      await enteredBy(1);
      for (const client of clients.slice(1)) await served(client);
      // Again, in another order; the slow one is answered in the middle.
      const used: RawClient[] = [];
      const order = [3, 1, 0, 4, 2];
      for (const at of order) {
        const client = clients[at] ?? assert.fail();
        used.push(client);
        if (client !== slow) {
          await served(client);
          continue;
        }
        open();
        await slow.response();
      }
      const newcomers: RawClient[] = [];
      const gone: RawClient[] = [];
      while (gone.length < used.length) {
        newcomers.push(await served(clientFrom('127.0.0.3', port)));
        const left = used.filter((client) => !gone.includes(client));
        gone.push(await Promise.race(left.map((client) => client.ended().then(() => client))));
      }
      assert.deepEqual(
        gone.map((client) => clients.indexOf(client)),
        order,
      );
      for (const client of newcomers) await served(client).then((each) => each.close());
    });
  });

  it('that say nothing go too, and one more is refused when every other is at work', async () => {
    const { handle, enteredBy, open } = partlyHeld();
    await withEdge({ handle, maxConnections: 8, maxConnectionsPerNetwork: 2 }, async (port) => {
      const silent = clientFrom('127.0.0.2', port);
      const half = clientFrom('127.0.0.2', port);
      await half.send('GET /v1/a HTTP/1.1\r\nHo');
      const busy = [clientFrom('127.0.0.2', port), clientFrom('127.0.0.2', port)];
      await Promise.all([silent.ended(), half.ended()]);
      for (const client of busy) await client.send(getRequest(SLOW));
      await enteredBy(2);
      assert.equal(await clientFrom('127.0.0.2', port).ended(), '');
      await served(clientFrom('127.0.0.3', port)).then((client) => client.close());
      open();
      for (const client of busy) {
        assert.match((await client.response()).body, /"slow":true/);
        client.close();
      }
    });
  });

  it('make room for an address with fewer when all are taken', async () => {
    const { handle } = partlyHeld();
    await withEdge({ handle, maxConnections: 4, maxConnectionsPerNetwork: 3 }, async (port) => {
      const lonely = await served(clientFrom('127.0.0.2', port));
      const greedy = [];
      for (let count = 0; count < 3; count++) greedy.push(await served(clientFrom('127.0.0.3', port)));
      const newcomer = await served(clientFrom('127.0.0.4', port));
      assert.equal(
        await greedy[0]?.ended(),
        '',
        'not the longest idle of all, whose address has no more than this one',
      );
      for (const client of [lonely, newcomer, ...greedy.slice(1)]) {
        await served(client);
        client.close();
      }
    });
  });

  it('flood it in vain', async () => {
    const { handle } = partlyHeld();
    await withEdge({ handle, maxConnections: 200 }, async (port, edge) => {
      const flood = Array.from({ length: 300 }, () => clientFrom('127.0.0.9', port));
      await served(clientFrom('127.0.0.2', port)).then((client) => client.close());
      const alive = async () =>
        flood.filter((client) => !client.socket.destroyed && !client.socket.readableEnded).length;
      await eventually(async () => (await alive()) <= 50, 'the end of the others');
      await served(flood.at(-1) ?? assert.fail());
      for (const client of flood) client.close();
      await edge.close(0);
    });
  });
});

describe('connections inside TLS', async () => {
  const authority = await createCertificateAuthority();
  const issued = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'], ipAddresses: [] });
  const tls = { cert: issued.certificatePem, key: issued.privateKeyPem };
  const options = { servername: 'localhost', ca: authority.certificatePem };

  it('count the same, with a busy HTTP/2 session among them', async () => {
    const { handle, enteredBy, open } = partlyHeld();
    await withEdge({ handle, tls, maxConnectionsPerNetwork: 2 }, async (port) => {
      const session = connectHttp2(`https://127.0.0.1:${port}`, options);
      const stream = session.request({ ':path': `/v1/${SLOW}` });
      let body = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      await enteredBy(1);
      const overTls = () => new RawClient(connectTls({ port, host: '127.0.0.1', ...options }));
      const first = await served(overTls());
      const second = await served(overTls());
      assert.equal(await first.ended(), '', 'the session is older, but at work');
      open();
      await new Promise((done) => stream.once('end', done));
      assert.match(body, /"slow":true/);
      // Now the session is idle, but the second is idle for longer.
      const third = await served(overTls());
      assert.equal(await second.ended(), '');
      const gone = new Promise((done) => session.once('close', done));
      session.on('error', () => undefined);
      const fourth = await served(overTls());
      await gone;
      for (const client of [third, fourth]) client.close();
    });
  });
});

describe('requests that one connection pipelines', () => {
  it('are so many at once; those before get their answers, the rest goes unread', async () => {
    const { handle, enteredBy, open } = partlyHeld();
    let asked = 0;
    const counting: RequestHandler = (request) => {
      asked++;
      return handle(request);
    };
    await withEdge({ handle: counting }, async (port) => {
      const client = RawClient.to(port);
      client.socket.write(getRequest(SLOW) + getRequest('a').repeat(5000));
      await enteredBy(1);
      open();
      assert.equal((await client.response()).status, 200);
      for (let count = 1; count < 250; count++) assert.equal((await client.response()).status, 204);
      assert.match(await client.ended(), /^HTTP\/1\.1 429 Too Many Requests\r\n(?:.+\r\n)+\r\n$/);
    });
    assert.equal(asked, 250);
  });
});

describe('clients that do not read', () => {
  const large = 'x'.repeat(16 * 1024 * 1024);
  /** Beyond what the kernel takes for a client; beyond what HTTP/2 sends unasked, and within what Node keeps for a session. */
  const sizes: Readonly<Record<string, number>> = { large: large.length, some: 4 * 1024 * 1024 };
  const handle: RequestHandler = async ({ path }) => ({
    shape: 'raw',
    data: { seen: large.slice(0, sizes[path] ?? 1) },
  });

  it('are cut off, so that their connections can be had by others', () =>
    withEdge({ handle, responseTimeoutMs: 200 }, async (port) => {
      const client = clientFrom('127.0.0.2', port);
      client.socket.pause();
      await client.send(getRequest('large'));
      await new Promise((done) => setTimeout(done, 1500));
      client.socket.resume();
      assert.ok((await client.ended()).length < large.length);
    }));

  it('over HTTP/2 lose the stream, and the others go on', async () => {
    const authority = await createCertificateAuthority();
    const issued = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'], ipAddresses: [] });
    const tls = { cert: issued.certificatePem, key: issued.privateKeyPem };
    await withEdge({ handle, tls, responseTimeoutMs: 200 }, async (port) => {
      const session = connectHttp2(`https://localhost:${port}`, { ca: authority.certificatePem });
      const stream = session.request({ ':path': '/v1/some' });
      stream.pause();
      stream.on('error', () => undefined);
      const closed = new Promise((done) => stream.once('close', done));
      await new Promise((done) => setTimeout(done, 1500));
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
      await closed;
      assert.ok(bytes < 4 * 1024 * 1024);
      const next = session.request({ ':path': '/v1/a' });
      const status = new Promise((done) => next.once('response', (headers) => done(headers[':status'])));
      assert.equal(await status, 200);
      session.destroy();
    });
  });

  it('do not hurt an answer that comes behind a slow one', () => {
    const { handle: held, enteredBy, open } = partlyHeld();
    return withEdge({ handle: held, responseTimeoutMs: 50 }, async (port) => {
      const client = clientFrom('127.0.0.2', port);
      await client.send(getRequest(SLOW) + getRequest('a'));
      await enteredBy(1);
      await new Promise((done) => setTimeout(done, 500));
      open();
      assert.match((await client.response()).body, /"slow":true/);
      assert.equal((await client.response()).status, 204);
      client.close();
    });
  });
});
