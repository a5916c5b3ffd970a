/** A gRPC server of ours on a socket of its own, with a method of each kind, for the tests of this layer. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { GrpcServer } from './grpc-server.ts';
import type { OpenStream, ServedMethod } from './server-call.ts';

export interface GrpcFixture extends AsyncDisposable {
  readonly socketPath: string;
  readonly server: GrpcServer;
  /** The streams that are held now. */
  readonly held: ReadonlySet<OpenStream>;
  /** How many calls of `/test/Wait` have arrived. */
  waiting(): number;
  /** Lets the calls of `/test/Wait` go on. */
  release(): void;
}

export const ECHO = '/test/Echo';

/** A new socket path, and what removes it. */
export async function temporarySocket(): Promise<{ socketPath: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-grpc-'));
  return { socketPath: join(directory, 'socket'), remove: () => rm(directory, { recursive: true, force: true }) };
}

export async function startGrpcServer(): Promise<GrpcFixture> {
  const { socketPath, remove } = await temporarySocket();
  const held = new Set<OpenStream>();
  const released = Promise.withResolvers<undefined>();
  let waiting = 0;
  const wait = async (request: Buffer) => {
    waiting++;
    await released.promise;
    return request;
  };
  const hold = (stream: OpenStream) => {
    held.add(stream);
    stream.onClose(() => held.delete(stream));
  };
  const unary = (answer: (request: Buffer, ids: string) => Promise<Uint8Array>): ServedMethod => ({
    kind: 'unary',
    answer: (request, metadata) => answer(request, metadata.get('id').join('+')),
  });
  const methods = new Map<string, ServedMethod>([
    [ECHO, unary(async (request) => request)],
    ['/test/Id', unary(async (_request, ids) => Buffer.from(ids))],
    ['/test/Wait', unary(wait)],
    [
      '/test/Fail',
      unary(async (request) => {
        const [code = 0] = request;
        throw new GrpcError(Object.values(grpcStatus).find((known) => known === code) ?? 2, '50% of "ü"\nfailed');
      }),
    ],
    ['/test/Bug', unary(async () => Promise.reject(new TypeError('secret detail')))],
    ['/test/Output', { kind: 'held', endsWithCaller: false, hold }],
    ['/test/Broker', { kind: 'held', endsWithCaller: true, hold }],
  ]);
  const server = new GrpcServer(Promise.resolve(methods));
  await server.listen(socketPath);
  return {
    socketPath,
    server,
    held,
    waiting: () => waiting,
    release: () => released.resolve(undefined),
    async [Symbol.asyncDispose]() {
      server.destroy();
      await remove();
    },
  };
}
