/**
 * Whatever a host, or who holds its certificate, sends: the server stays up, and the next good call works. The server runs
 * in this process: an exception that nobody catches fails the test.
 */
import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { createServer, connect as connectSocket, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { eventually } from '@coffer/testkit';
import { GrpcClient } from './grpc-client.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { ECHO, type GrpcFixture, startGrpcServer, temporarySocket } from './grpc-fixture.ts';
import { type HeaderValues, readStatus } from './grpc-headers.ts';
import { frameMessage } from './message-frames.ts';

const RUNS = { numRuns: 100, seed: 20_261_128 };
const GOOD: OutgoingHttpHeaders = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

interface Answer {
  readonly httpStatus: number;
  readonly status: number | undefined;
}

/** One request on a raw HTTP/2 connection. `chunks` are sent one by one; without `end` the request stays half open. */
function request(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  chunks: Buffer[],
  end = true,
): Promise<Answer> {
  return new Promise((done, fail) => {
    const stream = session.request(headers, { endStream: false });
    let [httpStatus, status]: [number, number | undefined] = [0, undefined];
    stream.on('response', (received) => {
      httpStatus = received[':status'] ?? 0;
      status = readStatus(received)?.code;
    });
    stream.on('trailers', (received: HeaderValues) => (status = readStatus(received)?.code));
    stream.on('error', fail);
    stream.on('end', () => done({ httpStatus, status }));
    stream.resume();
    for (const chunk of chunks) stream.write(chunk);
    if (end) stream.end();
  });
}

describe('a gRPC server under fire', () => {
  let fixture: GrpcFixture;
  let session: ClientHttp2Session;
  let client: GrpcClient;
  const good = async () => {
    assert.equal((await client.unary(ECHO, Buffer.from('good'), { timeoutMs: 60_000 })).toString(), 'good');
  };
  const open = () => {
    const path = fixture.socketPath;
    const made = connect('http://localhost', { createConnection: () => connectSocket({ path }) });
    made.on('error', () => undefined);
    return made;
  };
  before(async () => {
    fixture = await startGrpcServer();
    session = open();
    client = new GrpcClient(fixture.socketPath);
  });
  after(async () => {
    session.destroy();
    client.close();
    await fixture[Symbol.asyncDispose]();
  });

  it('answers random bodies with a status', async () => {
    const path = fc.constantFrom(ECHO, '/test/Id', '/test/None', '/', '/test/Echo/', '//', '/%00', '/test/Echo?x');
    const body = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(path, body, async (name, chunks) => {
        const answer = await request(
          session,
          { ...GOOD, ':path': name },
          chunks.map((chunk) => Buffer.from(chunk)),
        );
        assert.equal(answer.httpStatus, 200);
        assert.notEqual(answer.status, undefined);
        const [first] = Buffer.concat(chunks);
        if (name === ECHO && first !== 0) assert.equal(answer.status, grpcStatus.INTERNAL);
      }),
      RUNS,
    );
    await good();
  });

  it('answers bodies that end too early, or go on too long', async () => {
    const frame = frameMessage(Buffer.from('a message'));
    for (let end = 0; end < frame.length; end++) {
      const { status } = await request(session, { ...GOOD, ':path': ECHO }, [frame.subarray(0, end)]);
      assert.equal(status, grpcStatus.INTERNAL, String(end));
    }
    const twice = await request(session, { ...GOOD, ':path': ECHO }, [frame, frame]);
    assert.equal(twice.status, grpcStatus.INTERNAL);
    const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    const vast = await request(session, { ...GOOD, ':path': ECHO }, [prefix, Buffer.alloc(8 * 1024 * 1024)]);
    assert.equal(vast.status, grpcStatus.RESOURCE_EXHAUSTED);
    await good();
  });

  it('answers a request that is never finished, once it knows what is wrong with it', async () => {
    const half = (chunks: Buffer[], headers = {}) =>
      request(session, { ...GOOD, ':path': ECHO, ...headers }, chunks, false);
    assert.equal((await half([Buffer.from([9, 0, 0, 0, 0])])).status, grpcStatus.INTERNAL);
    assert.equal((await half([], { ':path': '/test/None' })).status, grpcStatus.UNIMPLEMENTED);
    assert.equal((await half([], { 'grpc-timeout': '20m' })).status, grpcStatus.DEADLINE_EXCEEDED);
    await good();
  });

  it('answers other content types, methods, timeouts and encodings', async () => {
    const text = fc.string({ unit: fc.constantFrom(...'abz/+;= 019*,'), maxLength: 20 });
    const headers = fc.record(
      {
        'content-type': text,
        ':method': fc.constantFrom('GET', 'PUT', 'X'),
        'grpc-timeout': text,
        'grpc-encoding': text,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(headers, async (change) => {
        const { httpStatus, status } = await request(session, { ...GOOD, ':path': ECHO, ...change }, [
          frameMessage(Buffer.from('x')),
        ]);
        assert.notEqual(status, undefined);
        if (change[':method'] !== undefined) assert.equal(httpStatus, 405);
        else if (change['content-type'] !== undefined) assert.equal(httpStatus, 415);
        else assert.equal(httpStatus, 200);
      }),
      RUNS,
    );
    await good();
  });

  it('survives bytes that are no HTTP/2', async () => {
    const frames = fc.array(
      fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 255 }), fc.nat({ max: 9 }), fc.uint8Array({ maxLength: 60 })),
      { maxLength: 8 },
    );
    const http2Frames = frames.map((all) =>
      Buffer.concat([
        PREFACE,
        EMPTY_SETTINGS,
        ...all.map(([type, flags, stream, payload]) =>
          Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]),
        ),
      ]),
    );
    const raw = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      http2Frames,
    );
    await fc.assert(
      fc.asyncProperty(raw, async (bytes) => {
        const socket = connectSocket({ path: fixture.socketPath });
        await new Promise<void>((done) => {
          socket.on('error', () => undefined).on('close', () => done());
          socket.resume();
          socket.end(bytes);
        });
      }),
      RUNS,
    );
    await good();
  });

  it('survives a flood of resets and cut connections', async () => {
    const flood = open();
    for (let i = 0; i < 3000; i++) {
      const stream = flood.request({ ...GOOD, ':path': i % 2 === 0 ? '/test/Wait' : ECHO });
      stream.on('error', () => undefined);
      stream.write(Buffer.from([0, 0, 0, 0, 9, i % 256]));
      stream.close(i % 3 === 0 ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_INTERNAL_ERROR);
      if (i % 500 === 0) await good();
    }
    const survivor = await request(flood, { ...GOOD, ':path': ECHO }, [frameMessage(Buffer.from('x'))]);
    assert.equal(survivor.status, grpcStatus.OK);
    flood.destroy();
    for (let i = 0; i < 50; i++) {
      const cut = open();
      cut.request({ ...GOOD, ':path': '/test/Broker' }).on('error', () => undefined);
      cut.once('connect', () => cut.destroy());
      await new Promise((done) => cut.once('close', done));
    }
    await eventually(() => fixture.held.size === 0, 'no stream of a cut connection is held');
    await good();
  });

  it('survives connections that open and say nothing', async () => {
    const silent = Array.from({ length: 50 }, () => connectSocket({ path: fixture.socketPath }));
    for (const socket of silent) socket.on('error', () => undefined);
    await good();
    for (const socket of silent) socket.destroy();
    await good();
  });
});

describe('a gRPC client, with a server that answers anything', () => {
  it('rejects with a status that does not say that the call was refused', async () => {
    const { socketPath, remove } = await temporarySocket();
    let answer: Uint8Array = Buffer.alloc(0);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(answer));
    });
    await new Promise<void>((done) => server.listen(socketPath, done));
    const settings = Buffer.concat([EMPTY_SETTINGS, Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])]);
    const frame = fc
      .tuple(fc.nat({ max: 9 }), fc.nat({ max: 255 }), fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 30 }))
      .map(([type, flags, stream, payload]) =>
        Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]),
      );
    const answers = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(frame, { maxLength: 6 }).map((frames) => Buffer.concat([settings, ...frames])),
    );
    await fc.assert(
      fc.asyncProperty(answers, async (bytes) => {
        answer = bytes;
        const client = new GrpcClient(socketPath);
        await assert.rejects(client.unary(ECHO, Buffer.from('x'), { timeoutMs: 60_000 }), (error) => {
          assert.ok(error instanceof GrpcError, String(error));
          assert.ok(error.code !== grpcStatus.INTERNAL && error.code !== grpcStatus.UNIMPLEMENTED, error.message);
          return true;
        });
        client.close();
      }),
      RUNS,
    );
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
    await remove();
  });
});
