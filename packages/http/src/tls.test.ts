import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { silentLogger } from '@coffer/base';
import type { RequestHandler } from '@coffer/framework';
import { createCertificateAuthority } from '@coffer/testkit';
import { type HttpEdge, createHttpEdge } from './index.ts';
import { RawClient } from './raw-client-fixture.ts';

const authority = await createCertificateAuthority();
const identity = async (commonName: string) => {
  const { certificatePem, privateKeyPem } = await authority.issue({
    commonName,
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  });
  return { cert: certificatePem, key: privateKeyPem };
};
const ca = authority.certificatePem;

const overTls = (port: number, alpn?: string[]) =>
  new RawClient(
    connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca, ...(alpn && { ALPNProtocols: alpn }) }),
  );

function exchange(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: unknown; text: string }> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let status: unknown;
    let text = '';
    stream.setEncoding('utf8');
    stream.on('response', (answer) => (status = answer[':status']));
    stream.on('data', (chunk: string) => (text += chunk));
    stream.on('end', () => resolve({ status, text }));
    stream.on('error', reject);
    stream.end(body);
  });
}

describe('TLS', () => {
  let edge: HttpEdge;
  let port: number;
  const echo: RequestHandler = async ({ operation, path, data, remoteAddress }) => ({
    shape: 'raw',
    data: { seen: `${operation} ${path}`, data, remoteAddress },
  });
  before(async () => {
    edge = createHttpEdge({
      handle: echo,
      logger: silentLogger,
      tls: await identity('first'),
      maxBodyBytes: 1000,
      headersTimeoutMs: 500,
    });
    ({ port } = await edge.listen('127.0.0.1', 0));
  });
  after(() => edge.close(0));

  it('serves HTTP/1.1 with LIST, kept alive and split, with and without ALPN', async () => {
    for (const alpn of [undefined, ['http/1.1']]) {
      const client = overTls(port, alpn);
      for (let round = 0; round < 3; round++) {
        await client.send('LIST /v1/a HTTP/1.1\r\nHost: x\r\n\r\n');
        assert.match((await client.response()).body, /"seen":"list a\/"/);
        await client.send('PUT /v1/b HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"x":1}');
        assert.match((await client.response()).body, /"seen":"update b"/);
        await client.sendSplit('LIST /v1/c HTTP/1.1\r\nHost: x\r\n\r\n');
        assert.match((await client.response()).body, /"seen":"list c\/".*"remoteAddress":"127.0.0.1"/);
        await client.send('LINK /v1/c HTTP/1.1\r\nHost: x\r\n\r\n');
        assert.equal((await client.response()).status, 405);
      }
      client.close();
    }
  });

  it('serves HTTP/2: every verb, errors, bodies and their limit', async () => {
    const session = connectHttp2(`https://localhost:${port}`, { ca });
    try {
      assert.deepEqual(JSON.parse((await exchange(session, { ':method': 'LIST', ':path': '/v1/a' })).text), {
        seen: 'list a/',
        data: {},
        remoteAddress: '127.0.0.1',
      });
      const answers = await Promise.all([
        exchange(session, { ':method': 'PUT', ':path': '/v1/b' }, '{"x":1}'),
        exchange(session, { ':method': 'GET', ':path': '/v1/c?y=2' }),
        exchange(session, { ':method': 'GET', ':path': '/nowhere' }),
        exchange(session, { ':method': 'PUT', ':path': '/v1/b' }, '{"x":'),
        exchange(session, { ':method': 'PUT', ':path': '/v1/b' }, 'x'.repeat(30_000)),
        exchange(session, { ':method': 'PUT', ':path': '/v1/b', expect: '100-continue' }, '{"x":1}'),
        exchange(session, { ':method': 'HEAD', ':path': '/v1/sys/health' }),
      ]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 404, 400, 413, 200, 200],
      );
      assert.match(answers[1]?.text ?? '', /"data":\{"y":"2"\}/);
      assert.equal(answers[6]?.text, '');
    } finally {
      session.destroy();
    }
  });

  it('serves no HTTP/2 request whose headers are too large, and goes on', async () => {
    const session = connectHttp2(`https://localhost:${port}`, { ca });
    const large = await exchange(session, { ':method': 'GET', ':path': '/v1/a', 'x-large': 'y'.repeat(17_000) });
    assert.deepEqual([large.status, large.text], [400, '{"errors":["the headers have more than 16384 bytes"]}\n']);
    assert.equal((await exchange(session, { ':method': 'GET', ':path': '/v1/c' })).status, 200);
    session.destroy();
  });

  it('survives streams reset by the client', async () => {
    const session = connectHttp2(`https://localhost:${port}`, { ca });
    try {
      const stream = session.request({ ':method': 'PUT', ':path': '/v1/b' });
      stream.on('error', () => undefined);
      stream.write('{"x"');
      stream.close(8);
      assert.equal((await exchange(session, { ':method': 'GET', ':path': '/v1/c' })).status, 200);
    } finally {
      session.destroy();
    }
  });

  it('ends connections that are slow with their headers or their handshake, and those that do not speak TLS, which are told so', async () => {
    const slow = overTls(port);
    await slow.send('GET /v1/a HTTP/1.1\r\nX: ');
    assert.match(await slow.ended(), /^HTTP\/1\.1 408 /);
    const silent = new RawClient(connectTcp(port, '127.0.0.1'));
    assert.equal(await silent.ended(), '');
    const plain = new RawClient(connectTcp(port, '127.0.0.1'));
    await plain.send('GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal(
      await plain.ended(),
      'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
    );
  });

  it('takes a new certificate for new connections', async () => {
    const commonName = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    assert.equal(await commonName(), 'first');
    edge.setTls(await identity('second'));
    assert.equal(await commonName(), 'second');
    assert.throws(() => edge.setTls({ cert: 'x', key: 'y' }), {
      code: 'invalid-request',
      message: /^TLS certificate and key cannot be used/,
    });
    assert.equal(await commonName(), 'second');
    const session = connectHttp2(`https://localhost:${port}`, { ca });
    assert.equal((await exchange(session, { ':method': 'GET', ':path': '/v1/c' })).status, 200);
    session.destroy();
  });

  it('refuses to start with what is no certificate', () => {
    assert.throws(() => createHttpEdge({ handle: echo, logger: silentLogger, tls: { cert: 'x', key: 'y' } }), {
      code: 'invalid-request',
    });
  });

  it('drains HTTP/2 sessions: the request under way is answered, then the session ends', async () => {
    const entered = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const handle: RequestHandler = async () => {
      entered.resolve();
      await open.promise;
      return { data: { ok: true } };
    };
    const draining = createHttpEdge({ handle, logger: silentLogger, tls: await identity('draining') });
    const bound = await draining.listen('127.0.0.1', 0);
    const session = connectHttp2(`https://localhost:${bound.port}`, { ca });
    const ended = new Promise<void>((resolve) => session.once('close', () => resolve()));
    const answer = exchange(session, { ':method': 'GET', ':path': '/v1/c' });
    await entered.promise;
    const closed = draining.close(60_000);
    open.resolve();
    assert.equal((await answer).status, 200);
    await ended;
    await closed;
  });
});
