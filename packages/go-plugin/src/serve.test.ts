import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { createCertificate } from './certificate.ts';
import { eventually } from '@coffer/testkit';
import { FIXTURE_COOKIE } from './launch-fixture.ts';
import { type HealthCheckRequest, HealthCheckRequestSchema, HealthCheckResponseSchema } from './gen/health_pb.ts';
import { handshakeAuthority, parseHandshake } from './handshake.ts';

const SOURCE = join(import.meta.dirname, 'plugin-fixture.ts');

const started: ChildProcess[] = [];

/** Starts the fixture as a bare process, as a foreign host would. */
async function start(env: Record<string, string>): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [SOURCE], {
    env: { ...process.env, [FIXTURE_COOKIE.key]: FIXTURE_COOKIE.value, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  started.push(child);
  const line = await new Promise<string>((done) => child.stdout?.once('data', (data: Buffer) => done(data.toString())));
  return { child, line };
}

async function check(client: Client): Promise<ServiceError | undefined> {
  const path = '/grpc.health.v1.Health/Check';
  const encode = (request: HealthCheckRequest) => Buffer.from(toBinary(HealthCheckRequestSchema, request));
  const decode = (bytes: Buffer) => fromBinary(HealthCheckResponseSchema, bytes);
  const request = create(HealthCheckRequestSchema, { service: 'plugin' });
  try {
    return await new Promise((done) => {
      const deadline = { deadline: Date.now() + 10_000 };
      client.makeUnaryRequest(path, encode, decode, request, deadline, (error) => done(error ?? undefined));
    });
  } finally {
    client.close();
  }
}

const end = (child: ChildProcess) => new Promise((done) => (child.once('exit', done), child.kill('SIGTERM')));

describe('serve', () => {
  let sockets = '';
  before(async () => {
    sockets = await mkdtemp(join(tmpdir(), 'coffer-sockets-'));
  });
  after(async () => {
    for (const child of started) child.kill('SIGKILL');
    await rm(sockets, { recursive: true, force: true });
  });

  it('lets only the holder of the host certificate connect', async () => {
    const own = createCertificate();
    const env = {
      PLUGIN_PROTOCOL_VERSIONS: '5,6',
      PLUGIN_CLIENT_CERT: own.certificatePem,
      PLUGIN_UNIX_SOCKET_DIR: sockets,
    };
    const { child, line } = await start(env);
    const handshake = parseHandshake(line, [5, 6]);
    assert.ok(handshake.socketPath.startsWith(`${sockets}/plugin`));
    const authority = Buffer.from(handshakeAuthority(handshake));
    const connect = (made: typeof own | undefined) =>
      new Client(
        `unix:${handshake.socketPath}`,
        made === undefined
          ? credentials.createSsl(authority)
          : credentials.createSsl(authority, Buffer.from(made.privateKeyPem), Buffer.from(made.certificatePem)),
        { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' },
      );
    const plain = new Client(`unix:${handshake.socketPath}`, credentials.createInsecure());
    assert.notEqual(await check(plain), undefined, 'plain');
    assert.notEqual(await check(connect(undefined)), undefined, 'no certificate');
    assert.notEqual(await check(connect(createCertificate())), undefined, 'a stranger');
    assert.equal(await check(connect(own)), undefined, 'the host, after all of these');
    await end(child);
    await eventually(() => !existsSync(handshake.socketPath), 'the socket is unlinked');
  });

  it('serves without TLS when the host sent no certificate, and answers broker multiplexing with false', async () => {
    const env = { PLUGIN_PROTOCOL_VERSIONS: '5', PLUGIN_CLIENT_CERT: '', PLUGIN_MULTIPLEX_GRPC: 'true' };
    const { child, line } = await start(env);
    assert.match(line, /^1\|5\|unix\|\/[^|]+\|grpc\|\|false\n$/);
    const { socketPath } = parseHandshake(line, [5]);
    assert.equal(await check(new Client(`unix:${socketPath}`, credentials.createInsecure())), undefined);
    await end(child);
  });

  it('ignores SIGINT', async () => {
    const { child, line } = await start({ PLUGIN_CLIENT_CERT: '' });
    child.kill('SIGINT');
    const { socketPath } = parseHandshake(line, [5]);
    assert.equal(await check(new Client(`unix:${socketPath}`, credentials.createInsecure())), undefined);
    await end(child);
  });
});
