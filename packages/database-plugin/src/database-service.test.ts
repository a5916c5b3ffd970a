/** What a foreign host may send: the checks and texts of Vault's server layer, at the level of the wire. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMessage, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import { silentLogger } from '@coffer/base';
import { GrpcError, grpcStatus, launch, type PluginClient } from '@coffer/go-plugin';
import { LATE_MS } from './database-fixture.ts';
import { FIXTURE_FILE, pluginDirectory } from './plugin-directory-fixture.ts';
import { Database } from './gen/database_pb.ts';
import { Naming } from './gen/naming_pb.ts';
import { PluginVersion } from './gen/version_pb.ts';
import { DATABASE_COOKIE } from './serve-database.ts';

const { initialize, newUser, updateUser, deleteUser, type, close } = Database.method;
const usernameConfig = { displayName: 'd', roleName: 'r' };

describe('the database service', () => {
  let directory: Awaited<ReturnType<typeof pluginDirectory>>;
  let plugin: PluginClient;
  const call = <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    id: string | undefined = 'known',
  ) => plugin.call(method, request, id === undefined ? {} : { metadata: { multiplex_id: id } });
  const bare = <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ) => plugin.call(method, request);
  const refuses = async (answer: Promise<unknown>, code: grpcStatus, details: string) =>
    assert.rejects(
      answer,
      (e) => e instanceof GrpcError && (assert.deepEqual([e.code, e.details], [code, details]), true),
    );

  before(async () => {
    directory = await pluginDirectory();
    plugin = await launch({
      directory: directory.path,
      path: FIXTURE_FILE,
      cookie: DATABASE_COOKIE,
      protocolVersions: [6],
      logger: silentLogger,
    });
    await call(initialize, { configData: { host: 'h' } });
  });
  after(async () => {
    await plugin.kill();
    await directory[Symbol.asyncDispose]();
  });

  it('drops a user that is made when its host has given up', async () => {
    const request = { usernameConfig, username: 'late-one', password: 'p' };
    const late = plugin.call(
      newUser,
      { ...request, statements: { Commands: ['LATE'] } },
      { metadata: { multiplex_id: 'known' }, timeoutMs: LATE_MS / 4 },
    );
    await refuses(late, grpcStatus.DEADLINE_EXCEEDED, 'context deadline exceeded');
    await sleep(3 * LATE_MS);
    // It would be refused for one that is there.
    assert.equal((await call(newUser, request)).username, 'late-one');
  });

  it('demands one multiplex id', async () => {
    const none = 'no multiplexing ID found';
    await refuses(bare(initialize, {}), grpcStatus.UNKNOWN, none);
    await refuses(bare(newUser, { usernameConfig }), grpcStatus.UNKNOWN, none);
    await refuses(bare(updateUser, { username: 'u', password: { newPassword: 'p' } }), grpcStatus.UNKNOWN, none);
    await refuses(bare(deleteUser, { username: 'u' }), grpcStatus.UNKNOWN, none);
    await refuses(bare(type, {}), grpcStatus.UNKNOWN, none);
    await refuses(bare(close, {}), grpcStatus.UNKNOWN, none);
    await refuses(bare(Naming.method.nameUser, usernameConfig), grpcStatus.UNKNOWN, none);
    await refuses(call(type, {}, ''), grpcStatus.UNKNOWN, 'empty multiplex ID in metadata');
    assert.equal((await bare(PluginVersion.method.version, {})).pluginVersion, 'v1.2.3');
  });
  it('knows no instance before Initialize or Type, and none after Close', async () => {
    await refuses(call(deleteUser, { username: 'u' }, 'new'), grpcStatus.UNKNOWN, 'no database instance found');
    assert.equal((await call(type, {}, 'new')).Type, 'memory');
    await call(close, {}, 'new');
    await refuses(call(close, {}, 'new'), grpcStatus.UNKNOWN, 'no database instance found');
  });
  it("refuses incomplete requests with Vault's texts", async () => {
    const bad = grpcStatus.INVALID_ARGUMENT;
    await refuses(call(newUser, {}), bad, 'missing username config');
    await refuses(call(updateUser, {}), bad, 'no username provided');
    await refuses(call(updateUser, { username: 'u' }), bad, 'update user request has no changes');
    await refuses(
      call(updateUser, { username: 'u', password: { newPassword: '' } }),
      bad,
      'update user request has no changes',
    );
    await refuses(call(deleteUser, {}), bad, 'no username provided');
    const time = { seconds: 253402300800n, nanos: 0 };
    const late = 'timestamp: seconds:253402300800 after 10000-01-01';
    await refuses(call(newUser, { usernameConfig, expiration: time }), bad, `unable to parse expiration date: ${late}`);
    const nanos = { newExpiration: { seconds: 5n, nanos: -1 } };
    const text = 'unable to parse new expiration: timestamp: seconds:5 nanos:-1: nanos not in range [0, 1e9)';
    await refuses(call(updateUser, { username: 'u', expiration: nanos }), bad, text);
  });
  it('refuses credentials that are no password', async () => {
    const rsa = 'unsupported credential type: rsa_private_key; YSQL supports only password';
    const key = new Uint8Array([1]);
    await refuses(
      call(newUser, { usernameConfig, credentialType: 1, publicKey: key }),
      grpcStatus.INTERNAL,
      `unable to create new user: ${rsa}`,
    );
    await refuses(
      call(updateUser, { username: 'u', credentialType: 1, publicKey: { newPublicKey: key } }),
      grpcStatus.INTERNAL,
      `unable to update user: ${rsa}`,
    );
  });
  it('takes a request without expiration as Go does: expired', async () => {
    const { username } = await call(newUser, { usernameConfig, password: 'p', statements: { Commands: ['SHOW'] } });
    assert.match(username, /"expiration":"0001-01-01T00:00:00.000Z"/);
  });
});
