/** Our gRPC layer against the gRPC project's own for Node.js, both ways. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { eventually } from '@coffer/testkit';
import { GrpcClient } from './grpc-client.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { ECHO, type GrpcFixture, startGrpcServer, temporarySocket } from './grpc-fixture.ts';

const LIMIT = 4 * 1024 * 1024;
const same = (bytes: Buffer): Buffer => bytes;
const isStatus = (code: grpcStatus, details?: string) => (error: unknown) => {
  assert.ok(error instanceof GrpcError, String(error));
  assert.equal(error.code, code, error.message);
  if (details !== undefined) assert.equal(error.details, details);
  return true;
};

describe('our server, called by grpc-js', () => {
  let fixture: GrpcFixture;
  let client: grpc.Client;
  const call = (path: string, request = Buffer.from('hello'), metadata = new grpc.Metadata(), deadline?: number) =>
    new Promise<Buffer>((done, fail) => {
      const options = deadline === undefined ? {} : { deadline };
      client.makeUnaryRequest(path, same, same, request, metadata, options, (error, answer) =>
        error === null && answer !== undefined ? done(answer) : fail(error ?? new Error('no answer')),
      );
    });
  const fails = (code: grpc.status, details: string) => (error: grpc.ServiceError) => {
    assert.equal(error.code, code);
    assert.equal(error.details, details);
    return true;
  };
  before(async () => {
    fixture = await startGrpcServer();
    client = new grpc.Client(`unix:${fixture.socketPath}`, grpc.credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
      'grpc.default_compression_algorithm': 0,
    });
  });
  after(async () => {
    client.close();
    await fixture[Symbol.asyncDispose]();
  });

  it('answers, small and large, empty too', async () => {
    for (const size of [0, 1, 100_000, LIMIT]) {
      const request = Buffer.alloc(size, 'abc');
      assert.ok((await call(ECHO, request)).equals(request), String(size));
    }
  });
  it('answers many calls at once', async () => {
    const requests = Array.from({ length: 1000 }, (_, i) => Buffer.from(`call ${i}`));
    assert.deepEqual(await Promise.all(requests.map((request) => call(ECHO, request))), requests);
  });
  it('gives every status with its text', async () => {
    for (const code of Object.values(grpcStatus)) {
      if (code === grpcStatus.OK) continue;
      await assert.rejects(call('/test/Fail', Buffer.from([code])), fails(code, '50% of "ü"\nfailed'));
    }
  });
  it('tells nothing of a bug', async () => {
    await assert.rejects(call('/test/Bug'), fails(grpc.status.UNKNOWN, 'internal error'));
  });
  it('knows no other methods', async () => {
    await assert.rejects(call('/test/None'), fails(grpc.status.UNIMPLEMENTED, 'unknown method /test/None'));
  });
  it('refuses a message over 4 MiB and goes on', async () => {
    const text = `received message larger than max (${LIMIT + 1} vs. ${LIMIT})`;
    await assert.rejects(call(ECHO, Buffer.alloc(LIMIT + 1)), fails(grpc.status.RESOURCE_EXHAUSTED, text));
    assert.equal((await call(ECHO)).toString(), 'hello');
  });
  it('refuses compressed messages', async () => {
    const gzip = new grpc.Client(`unix:${fixture.socketPath}`, grpc.credentials.createInsecure(), {
      'grpc.default_compression_algorithm': 2,
    });
    const answer = new Promise((done, fail) => {
      gzip.makeUnaryRequest(ECHO, same, same, Buffer.from('x'), (error) => (error === null ? done(0) : fail(error)));
    });
    await assert.rejects(answer, fails(grpc.status.UNIMPLEMENTED, 'messages compressed with gzip are not supported'));
    gzip.close();
  });
  it('reads metadata, each value of a key', async () => {
    const metadata = new grpc.Metadata();
    metadata.add('id', 'one');
    metadata.add('id', 'two');
    assert.equal((await call('/test/Id', undefined, metadata)).toString(), 'one+two');
  });
  it('keeps a deadline and goes on, with thousands of them too', async () => {
    await assert.rejects(call('/test/Wait', undefined, undefined, Date.now() + 50), (error: grpc.ServiceError) => {
      return error.code === grpc.status.DEADLINE_EXCEEDED;
    });
    const hurried = Array.from({ length: 3000 }, (_, i) =>
      call('/test/Wait', undefined, undefined, Date.now() + 1 + (i % 20)),
    );
    const settled = await Promise.allSettled(hurried);
    assert.ok(settled.every(({ status }) => status === 'rejected'));
    assert.equal((await call(ECHO)).toString(), 'hello');
  });
  it('holds a stream until either end ends it', async () => {
    const output = client.makeServerStreamRequest('/test/Output', same, same, Buffer.alloc(0));
    const broker = client.makeBidiStreamRequest('/test/Broker', same, same);
    const cancelled = client.makeBidiStreamRequest('/test/Broker', same, same);
    const ends: string[] = [];
    output
      .on('end', () => ends.push('output'))
      .on('error', (error) => ends.push(error.message))
      .resume();
    broker
      .on('end', () => ends.push('broker'))
      .on('error', (error) => ends.push(error.message))
      .resume();
    cancelled.on('error', () => ends.push('cancelled')).resume();
    broker.write(Buffer.from('ignored'));
    await eventually(() => fixture.held.size === 3, 'the streams are open');
    cancelled.cancel();
    await eventually(() => fixture.held.size === 2, 'one is cancelled');
    broker.end();
    await eventually(() => fixture.held.size === 1, 'one is ended by the caller');
    for (const stream of fixture.held) stream.end();
    await eventually(() => ends.length === 3, 'all have ended');
    assert.deepEqual(ends, ['cancelled', 'broker', 'output']);
  });
});

describe('our server, when it ends', () => {
  it('answers what is under way and takes no more', async () => {
    await using fixture = await startGrpcServer();
    const client = new GrpcClient(fixture.socketPath);
    const waiting = client.unary('/test/Wait', Buffer.from('late'));
    await eventually(() => fixture.waiting() === 1, 'the call has arrived');
    const drained = fixture.server.drain();
    await assert.rejects(client.unary(ECHO, Buffer.from('x')), isStatus(grpcStatus.UNAVAILABLE));
    fixture.release();
    assert.equal((await waiting).toString(), 'late');
    await drained;
  });
});

describe('our client, calling grpc-js', () => {
  let socketPath = '';
  let remove: () => Promise<void>;
  let server: grpc.Server;
  let client: GrpcClient;
  const bind = () =>
    new Promise<void>((done, fail) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync(`unix:${socketPath}`, credentials, (error) => (error === null ? done() : fail(error)));
    });
  const method = (path: string, responseStream = false) => ({
    path,
    requestStream: false,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  });
  const startServer = async () => {
    server = new grpc.Server({ 'grpc.max_send_message_length': -1 });
    const echo: grpc.handleUnaryCall<Buffer, Buffer> = (call, done) => done(null, call.request);
    const fail: grpc.handleUnaryCall<Buffer, Buffer> = ({ request, metadata }, done) =>
      done({ code: request[0] ?? 2, details: `50% of "ü"\n${metadata.get('multiplex_id').join()}` });
    const read: grpc.handleServerStreamingCall<Buffer, Buffer> = (call) => {
      for (let i = 0; i < 100; i++) call.write(Buffer.from(`line ${i}`));
      if (call.request.length === 0) call.end();
      else call.emit('error', { code: grpc.status.ABORTED, details: 'half-way' });
    };
    server.addService(
      { echo: method(ECHO), fail: method('/test/Fail'), wait: method('/test/Wait'), read: method('/test/Read', true) },
      { echo, fail, wait: () => undefined, read },
    );
    await bind();
  };
  before(async () => {
    ({ socketPath, remove } = await temporarySocket());
    await startServer();
    client = new GrpcClient(socketPath);
  });
  after(async () => {
    client.close();
    server.forceShutdown();
    await remove();
  });

  it('gets answers, small and large', async () => {
    for (const size of [0, 1, 100_000, LIMIT - 100]) {
      const request = Buffer.alloc(size, 'abc');
      assert.ok((await client.unary(ECHO, request)).equals(request), String(size));
    }
    const requests = Array.from({ length: 1000 }, (_, i) => Buffer.from(`call ${i}`));
    assert.deepEqual(await Promise.all(requests.map((request) => client.unary(ECHO, request))), requests);
  });
  it('gets every status with its text', async () => {
    const options = { metadata: { multiplex_id: 'me' } };
    for (const code of Object.values(grpcStatus)) {
      if (code === grpcStatus.OK) continue;
      await assert.rejects(client.unary('/test/Fail', Buffer.from([code]), options), isStatus(code, '50% of "ü"\nme'));
    }
    await assert.rejects(client.unary('/test/None', Buffer.alloc(0)), isStatus(grpcStatus.UNIMPLEMENTED));
  });
  it('gives up at the deadline, and goes on', async () => {
    const call = client.unary('/test/Wait', Buffer.alloc(0), { timeoutMs: 50 });
    await assert.rejects(call, isStatus(grpcStatus.DEADLINE_EXCEEDED));
    assert.equal((await client.unary(ECHO, Buffer.from('on'))).toString(), 'on');
  });
  it('reads a stream of messages to its end, and to its failure', async () => {
    const lines: string[] = [];
    await client.read('/test/Read', Buffer.alloc(0), (line) => lines.push(line.toString()));
    assert.deepEqual(
      lines,
      Array.from({ length: 100 }, (_, i) => `line ${i}`),
    );
    const failed = client.read('/test/Read', Buffer.from('x'), () => undefined);
    await assert.rejects(failed, isStatus(grpcStatus.ABORTED, 'half-way'));
  });
  it('says when the connection is lost, and makes a new one', async () => {
    const waiting = client.unary('/test/Wait', Buffer.alloc(0));
    await client.unary(ECHO, Buffer.from('both are there'));
    server.forceShutdown();
    await assert.rejects(waiting, isStatus(grpcStatus.UNAVAILABLE));
    await assert.rejects(client.unary(ECHO, Buffer.alloc(0)), isStatus(grpcStatus.UNAVAILABLE));
    await startServer();
    assert.equal((await client.unary(ECHO, Buffer.from('again'))).toString(), 'again');
    client.close();
    await assert.rejects(client.unary(ECHO, Buffer.alloc(0)), isStatus(grpcStatus.UNAVAILABLE));
  });
});
