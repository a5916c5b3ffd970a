/** What is secret in the configuration of a connection follows from the table of the plugin, whoever wrote the plugin. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CofferError, createLogger, formatLogLine, isCofferError, type JsonObject, type Logger } from '@coffer/base';
import { Barrier, Core, createKeyring, createRootToken } from '@coffer/core';
import type { ConnectionField, Database } from '@coffer/database-plugin';
import { type BuiltinDatabase, createDatabaseEngine, createDatabasePlugins } from '@coffer/engine-database';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { checkYsqlConfig, YSQL } from '@coffer/ysql';
import { FIXTURE_FILE, pluginDirectory } from '../packages/database-plugin/src/plugin-directory-fixture.ts';

/** One secret field more than the product has, and nothing else that knows of it. */
const FIELDS: readonly ConnectionField[] = [...YSQL.fields, { name: 'pin_code', secret: true }];

describe('a connection', () => {
  let directory: Awaited<ReturnType<typeof pluginDirectory>>;
  let store: Store;
  let core: Core;
  let token: string;
  let log = '';
  /** What the database was initialized with last. */
  let seen: JsonObject = {};

  /** Our own database, with a field that it does not use: it repeats what it gets. */
  const create = (logger: Logger): Database => {
    const inner = YSQL.create(logger);
    return {
      initialize: async (request) => {
        seen = request.config;
        const told = Object.values(request.config).map(String).join(', ');
        logger.warn(`told ${told}`);
        if (request.verifyConnection) throw new CofferError('failed', `refused: ${told}`);
        return request.config;
      },
      newUser: (request) => inner.newUser(request),
      updateUser: (request) => inner.updateUser(request),
      deleteUser: (request) => inner.deleteUser(request),
      type: () => inner.type(),
      close: () => inner.close(),
    };
  };

  before(async () => {
    directory = await pluginDirectory();
    store = await openEmbeddedStore({ path: ':memory:' });
    const logger = createLogger('', 'trace', (entry) => (log += formatLogLine(entry)));
    const telling: BuiltinDatabase = { fields: FIELDS, create, checkConfig: () => undefined, logger };
    const ysql: BuiltinDatabase = { ...YSQL, checkConfig: checkYsqlConfig, logger };
    core = new Core({
      store,
      barrier: new Barrier(createKeyring()),
      builtinPlugins: ['telling', 'ysql-plugin'].map((name) => ({ name, type: 'database', version: 'v0.0.1' })),
      logger,
    });
    const { plugins: catalog, passwordPolicies } = core.services;
    const builtins = new Map([
      ['telling', telling],
      ['ysql-plugin', ysql],
    ]);
    const plugins = createDatabasePlugins({ catalog, builtins, directory: directory.path, logger });
    const generatePassword = (policy: string): Promise<string> => passwordPolicies.generate(policy);
    core.install({ engines: new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]) });
    await core.start();
    await core.services.plugins.register({
      name: 'foreign',
      type: 'database',
      command: FIXTURE_FILE,
      args: [],
      env: ['FIXTURE_FOREIGN=on'],
      sha256: createHash('sha256')
        .update(await readFile(join(directory.path, FIXTURE_FILE)))
        .digest('hex'),
      version: '',
    });
    await core.services.mounts.enable('database', 'database', {});
    token = (await createRootToken(core.services.tokens)).reveal();
  });
  after(async () => {
    await core.stop();
    await store.close();
    await directory[Symbol.asyncDispose]();
    assert.doesNotMatch(log, /Hush/);
  });

  async function request(operation: 'read' | 'update', path: string, data: JsonObject = {}): Promise<JsonObject> {
    const answer = await core.handle({ id: randomUUID(), operation, path, token, data, remoteAddress: '127.0.0.1' });
    return answer?.data ?? {};
  }
  const write = (data: JsonObject) => request('update', 'database/config/c', { verify_connection: false, ...data });
  const shown = async () => (await request('read', 'database/config/c'))['connection_details'];
  const refusal = async (call: Promise<unknown>): Promise<string> => {
    const outcome = await call.catch((error: unknown) => error);
    assert.ok(isCofferError(outcome), 'it is refused');
    return outcome.message;
  };

  it('shows no secret of its table: on a read, in an error, in the log', async () => {
    const secrets = {
      password: 'Hush1-password',
      sslpassword: 'Hush2-sslpassword',
      private_key: 'Hush3-key',
      pin_code: 'Hush4-pin',
    };
    const connection_url = 'postgres://u:Hush5-url@h/db?pin-code=Hush6-pin&ssl%70assword=Hush7%2Dssl&search_path=app';
    const config = { plugin_name: 'telling', host: 'h', ...secrets, connection_url };
    await write(config);
    assert.deepEqual(await shown(), {
      host: 'h',
      connection_url: 'postgres://u:*****@h/db?pin-code=*****&ssl%70assword=*****&search_path=app',
    });
    const text = await refusal(write({ ...config, verify_connection: true }));
    assert.match(
      text,
      /refused: h, \[password\], \[password\], \[password\], \[password\], postgres:\/\/u:\[password\]@h\/db/,
    );
    assert.doesNotMatch(text, /Hush/);
    assert.match(log, /told h, \[password\]/);
  });

  it('keeps what a read does not show, and gives it to the plugin', async () => {
    await write({ plugin_name: 'telling', host: 'h', pin_code: 'Hush4-pin', unknown: 'Hush8-unknown' });
    await write({ host: 'other' });
    assert.equal(seen['pin_code'], 'Hush4-pin');
    assert.equal(seen['unknown'], 'Hush8-unknown');
    assert.equal(seen['host'], 'other');
  });

  it('of a plugin that nobody here wrote shows what is known to be harmless', async () => {
    const config = {
      plugin_name: 'foreign',
      host: 'h',
      port: 1,
      username: 'u',
      password: 'Hush1-password',
      api_token: 'Hush9-token',
      connection_url: 'x://u:Hush5-url@h/db?sslmode=require&auth_key=Hush6-auth',
      max_open_connections: 3,
    };
    await request('update', 'database/config/f', { verify_connection: false, ...config });
    await request('update', 'database/config/f', { verify_connection: false, port: 2 });
    const read = await request('read', 'database/config/f');
    assert.deepEqual(read['connection_details'], {
      host: 'h',
      port: 2,
      username: 'u',
      connection_url: 'x://u:*****@h/db?sslmode=require&auth_key=*****',
      max_open_connections: 3,
    });
    const down = await refusal(
      request('update', 'database/config/f', { host: 'down', password: 'Hush9-token', verify_connection: true }),
    );
    assert.match(down, /no host for password \[password\]$/);
  });

  it('shows no password that was put into the wrong field, when that is refused', async () => {
    for (const wrong of [
      { port: 'Hush1-password' },
      { sslmode: 'Hush1-password' },
      { load_balance: 'Hush1-password' },
    ]) {
      const given = { plugin_name: 'ysql-plugin', host: 'h', username: 'u', password: 'Hush1-password', ...wrong };
      const text = await refusal(request('update', 'database/config/y', given));
      assert.match(text, /field "(?:port|sslmode|load_balance)": "\[password\]" is not/i);
    }
  });
});
