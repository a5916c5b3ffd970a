/**
 * Rotations with a plugin that has none of our extensions, as the original Go plugin: here our own database with the
 * extensions taken away. Nobody can be asked whether a password logs in.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { isCofferError, type JsonObject, type Logger, silentLogger } from '@coffer/base';
import { Barrier, Core, createKeyring, createRootToken } from '@coffer/core';
import type { Database } from '@coffer/database-plugin';
import { createDatabaseEngine, createDatabasePlugins } from '@coffer/engine-database';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { databaseUnderTest, makeAdmin, startWireProxy, type TestDatabase, type WireProxy } from '@coffer/testkit';
import { YSQL } from '@coffer/ysql';
import { tryLogin } from './logins.ts';

function withoutExtensions(database: Database): Database {
  return {
    initialize: (request) => database.initialize(request),
    newUser: (request) => database.newUser(request),
    updateUser: (request) => database.updateUser(request),
    deleteUser: (request) => database.deleteUser(request),
    type: () => database.type(),
    close: () => database.close(),
  };
}

describe('rotation with a foreign plugin', () => {
  let database: TestDatabase;
  let proxy: WireProxy;
  let store: Store;
  let core: Core;
  let token: string;

  before(async () => {
    database = await databaseUnderTest();
    await makeAdmin(database, { user: 'foreign_root', password: 'root-chosen' });
    await database.query("CREATE ROLE foreign_app LOGIN PASSWORD 'chosen'");
    proxy = await startWireProxy({ target: database });
    store = await openEmbeddedStore({ path: ':memory:' });
    const builtin = {
      fields: YSQL.fields,
      create: (logger: Logger) => withoutExtensions(YSQL.create(logger)),
      checkConfig: () => undefined,
      logger: silentLogger,
    };
    core = new Core({
      store,
      barrier: new Barrier(createKeyring()),
      builtinPlugins: [{ name: 'foreign', type: 'database', version: 'v0.0.1' }],
      logger: silentLogger,
    });
    const { plugins: catalog, passwordPolicies } = core.services;
    const plugins = createDatabasePlugins({ catalog, builtins: new Map([['foreign', builtin]]), logger: silentLogger });
    const generatePassword = (policy: string): Promise<string> => passwordPolicies.generate(policy);
    core.install({ engines: new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]) });
    await core.start();
    await core.services.mounts.enable('database', 'database', {});
    token = (await createRootToken(core.services.tokens)).reveal();
    await request('update', 'database/config/yb', {
      plugin_name: 'foreign',
      allowed_roles: '*',
      host: proxy.host,
      port: proxy.port,
      username: 'foreign_root',
      password: 'root-chosen',
      db: database.database,
    });
    await request('update', 'database/static-roles/app', {
      db_name: 'yb',
      username: 'foreign_app',
      rotation_period: 86_400,
    });
  });
  after(async () => {
    await core.stop();
    await store.close();
    await proxy.stop();
    await database.stop();
  });

  async function request(operation: 'read' | 'update', path: string, data: JsonObject = {}): Promise<JsonObject> {
    const answer = await core.handle({
      id: randomUUID(),
      operation,
      path,
      token,
      data,
      remoteAddress: '127.0.0.1',
    });
    return answer?.data ?? {};
  }
  const password = async () => (await request('read', 'database/static-creds/app'))['password'] as string;

  it('rotates a static role, and sets the same password again after a failure', async () => {
    const first = await password();
    assert.deepEqual(await tryLogin(database, 'foreign_app', first), { user: 'foreign_app' });
    const statement = /^ALTER ROLE/;
    proxy.addFault({ match: statement, action: { type: 'error-after', sqlstate: 'XX000', message: 'timed out' } });
    await assert.rejects(request('update', 'database/rotate-role/app'), (error) => isCofferError(error, 'unavailable'));
    const second = await password();
    assert.notEqual(second, first);
    assert.deepEqual(await tryLogin(database, 'foreign_app', second), { user: 'foreign_app' });
  });

  it('rotates the root user, and settles a lost answer by connecting with either password', async () => {
    await request('update', 'database/rotate-root/yb');
    assert.ok('refusal' in (await tryLogin(database, 'foreign_root', 'root-chosen')));
    const refused = { type: 'error', sqlstate: '42501', message: 'permission denied' } as const;
    proxy.addFault({ match: /^ALTER ROLE/, action: refused });
    await assert.rejects(request('update', 'database/rotate-root/yb'), (error) => isCofferError(error, 'failed'));
    await request('update', 'database/reset/yb');
    proxy.addFault({ match: /^ALTER ROLE/, action: { type: 'error-after', sqlstate: 'XX000', message: 'timed out' } });
    await request('update', 'database/rotate-root/yb');
    await request('update', 'database/reset/yb');
    await request('update', 'database/rotate-role/app');
    assert.deepEqual(await tryLogin(database, 'foreign_app', await password()), { user: 'foreign_app' });
  });
});
