import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { CofferError, isCofferError, type JsonObject, Secret } from '@coffer/base';
import { GrpcError, grpcStatus } from '@coffer/go-plugin';
import { MemoryDatabase } from './fixture-database.ts';
import { isUnheard } from './host-errors.ts';
import { configSecrets, redactSecrets } from './redact.ts';

const secretsOf = (config: JsonObject) =>
  configSecrets(config)
    .map((secret) => secret.reveal())
    .sort();

describe('configSecrets', () => {
  it('finds fields and every form of connection_url', () => {
    assert.deepEqual(secretsOf({ password: 'a', private_key: 'b', sslpassword: 'c', username: 'u', port: 1 }), [
      'a',
      'b',
      'c',
    ]);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://u:p%40ss@h:5433/db' }), ['p%40ss', 'p@ss']);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://u:%zz@h/db?sslpassword=s%20t' }), ['%zz', 's t', 's%20t']);
    assert.deepEqual(secretsOf({ connection_url: "host=h password='it\\'s' sslpassword = q user=u" }), ["it's", 'q']);
  });
  it('takes templates and empty values for no secret', () => {
    assert.deepEqual(secretsOf({ password: '', connection_url: 'postgres://{{username}}:{{password}}@h/db' }), []);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://h:5433/db' }), []);
  });
});

describe('redactSecrets', () => {
  const down = { host: 'down', password: 'first-pw' };

  it('knows the password of a configuration that failed, only while it is tried', async () => {
    const database = redactSecrets(new MemoryDatabase());
    await assert.rejects(database.initialize({ config: down, verifyConnection: true }), /for password \[password\]$/);
  });
  it('knows the new password of the administrator after a rotation', async () => {
    const target = new MemoryDatabase();
    const database = redactSecrets(target);
    await database.initialize({
      config: { username: 'v-d-r-h', password: 'old-pw', host: 'h' },
      verifyConnection: false,
    });
    const usernameConfig = { displayName: 'd', roleName: 'r' };
    const base = { usernameConfig, expiration: new Date(), rollbackStatements: [] };
    await database.newUser({ ...base, password: new Secret('old-pw'), statements: [] });
    await database.updateUser({ username: 'v-d-r-h', password: { newPassword: new Secret('new-pw'), statements: [] } });
    await assert.rejects(database.deleteUser({ username: 'v-d-r-h', statements: ['FAIL'] }), (error) => {
      assert.ok(isCofferError(error, 'failed'));
      assert.equal(error.message, `cannot run "PASSWORD '[password]'"`);
      assert.equal(inspect(error).includes('new-pw'), false);
      return true;
    });
  });
  it('keeps the status of an error that it cleans', async () => {
    const status = new GrpcError(grpcStatus.DEADLINE_EXCEEDED, 'late: one-pass');
    const late = new CofferError('unavailable', status.message, { cause: status });
    const database = redactSecrets(
      new (class extends MemoryDatabase {
        override async newUser(): Promise<string> {
          throw late;
        }
      })(),
    );
    const usernameConfig = { displayName: 'd', roleName: 'r' };
    const rest = { usernameConfig, expiration: new Date(), statements: [], rollbackStatements: [] };
    await assert.rejects(database.newUser({ ...rest, password: new Secret('one-pass') }), (error) => {
      assert.ok(isUnheard(error));
      assert.equal(inspect(error).includes('one-pass'), false);
      return true;
    });
  });
  it('passes a clean error on as it is', async () => {
    const error = new CofferError('unavailable', 'no node answers', { cause: new Error('connect ECONNREFUSED') });
    const database = redactSecrets(
      new (class extends MemoryDatabase {
        override async type(): Promise<string> {
          throw error;
        }
      })(),
    );
    await assert.rejects(database.type(), (thrown) => thrown === error);
  });
});
