/** One suite against a Database in the process, over protocol 6 and over protocol 5 (DESIGN invariant 8). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { isCofferError, isJsonObject, Secret, silentLogger } from '@coffer/base';
import type { Database, NewUserRequest } from './database.ts';
import { FIXTURE_FILE, pluginDirectory } from './plugin-directory-fixture.ts';
import { MEMORY } from './database-fixture.ts';
import { withHostErrors } from './host-errors.ts';
import { PluginProcess } from './plugin-process.ts';
import { openDatabase } from './redaction.ts';

const ADMIN = {
  username: 'root',
  password: 'admin-s3cret',
  host: 'yb1',
  port: 5433,
  tls: false,
  nodes: ['a', 'b'],
  extra: null,
};
const PASSWORD = "p@ss'word-1";

function newUser(change: Partial<NewUserRequest> = {}): NewUserRequest {
  return {
    usernameConfig: { displayName: 'token', roleName: 'app' },
    password: new Secret(PASSWORD),
    expiration: new Date('2031-02-03T04:05:06.789Z'),
    statements: [],
    rollbackStatements: [],
    ...change,
  };
}

function fails(message: string, code = 'failed'): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isCofferError(error), String(error));
    assert.equal(error.message, message);
    assert.equal(error.code, code);
    const printed = inspect(error, { depth: 9 });
    assert.equal(printed.includes(ADMIN.password) || printed.includes(PASSWORD), false, printed);
    return true;
  };
}

const WAYS: Record<string, (directory: string) => Promise<Database>> = {
  'in the process': async () => withHostErrors(openDatabase(MEMORY, silentLogger)),
  'over protocol 6': async (directory) =>
    (await PluginProcess.launch({ directory, path: FIXTURE_FILE, logger: silentLogger })).open(),
  'over protocol 5': async (directory) =>
    (await PluginProcess.launch({ directory, path: FIXTURE_FILE, logger: silentLogger, multiplexing: false })).open(),
};

for (const [way, open] of Object.entries(WAYS)) {
  describe(`a Database ${way}`, () => {
    let directory: Awaited<ReturnType<typeof pluginDirectory>>;
    let database: Database;
    before(async () => {
      directory = await pluginDirectory();
      database = await open(directory.path);
    });
    after(async () => {
      await database.close();
      await database.close();
      await directory[Symbol.asyncDispose]();
    });

    it('shows why it cannot be initialized', async () => {
      await assert.rejects(
        database.initialize({ config: { ...ADMIN, host: 'down' }, verifyConnection: true }),
        fails(
          'unable to initialize: rpc error: code = Internal desc = failed to initialize: ' +
            'error verifying connection: no host for password [password]',
        ),
      );
    });
    it('is looked through for secrets once, before its host adds its words', async () => {
      await assert.rejects(
        database.initialize({ config: { host: 'down', password: 'rpc error: code' }, verifyConnection: true }),
        fails(
          'unable to initialize: rpc error: code = Internal desc = failed to initialize: ' +
            'error verifying connection: no host for password [password]',
        ),
      );
    });
    it('keeps every kind of value in the configuration', async () => {
      assert.deepEqual(await database.initialize({ config: ADMIN, verifyConnection: true }), { ...ADMIN, seen: true });
    });
    it('gets a request as it was sent', async () => {
      const request = newUser({ statements: ['SHOW', 'GRANT "ü"'], rollbackStatements: ['DROP'], username: 'named' });
      const arrived: unknown = JSON.parse(await database.newUser(request));
      assert.ok(isJsonObject(arrived));
      assert.deepEqual(arrived, {
        usernameConfig: { displayName: 'token', roleName: 'app' },
        expiration: '2031-02-03T04:05:06.789Z',
        statements: ['SHOW', 'GRANT "ü"'],
        rollbackStatements: ['DROP'],
        username: 'named',
        password: PASSWORD,
        config: ADMIN,
      });
    });
    it('names a user before it is made, and makes it under that name', async () => {
      const username = await database.nameUser?.({ displayName: 'token', roleName: 'app' });
      assert.equal(username, 'v-token-app-yb1');
      assert.equal(await database.newUser(newUser({ username: 'v-chosen' })), 'v-chosen');
      assert.equal(await database.newUser(newUser()), 'v-token-app-yb1');
      await database.updateUser({
        username: 'v-chosen',
        password: { newPassword: new Secret('other'), statements: [] },
      });
      await database.updateUser({ username: 'v-chosen', expiration: { newExpiration: new Date(), statements: [] } });
      await database.deleteUser({ username: 'v-chosen', statements: [] });
      await database.deleteUser({ username: 'v-chosen', statements: [] });
      assert.equal(await database.type(), 'memory');
    });
    it('says whether a password logs in', async () => {
      await database.newUser(newUser({ username: 'v-login' }));
      assert.equal(await database.verifyUser?.('v-login', new Secret(PASSWORD)), 'accepted');
      assert.equal(await database.verifyUser?.('v-login', new Secret('other')), 'refused');
      await assert.rejects(
        Promise.resolve(database.verifyUser?.('barred', new Secret(PASSWORD))),
        fails(
          'unable to verify user: rpc error: code = Internal desc = unable to verify user: ' +
            'role "barred" may not log in as [password]',
        ),
      );
    });
    it("shows failures in Go's form and no password in them", async () => {
      const changed = { newPassword: new Secret(PASSWORD), statements: ['FAIL'] };
      const text = 'cannot run "PASSWORD \'[password]\'"';
      await assert.rejects(
        database.newUser(newUser({ statements: ['FAIL'] })),
        fails(`unable to create new user: rpc error: code = Internal desc = unable to create new user: ${text}`),
      );
      await assert.rejects(
        database.updateUser({ username: 'v-token-app-yb1', password: changed }),
        fails(`unable to update user: rpc error: code = Internal desc = unable to update user: ${text}`),
      );
      await assert.rejects(
        database.deleteUser({ username: 'nobody', statements: ['FAIL'] }),
        fails(
          'unable to delete user: rpc error: code = Internal desc = unable to delete user: cannot run "PASSWORD \'\'"',
        ),
      );
    });
    it('masks what nobody expected', async () => {
      await assert.rejects(
        database.newUser(newUser({ statements: ['BUG'] })),
        fails('unable to create new user: rpc error: code = Internal desc = unable to create new user: internal error'),
      );
    });
    it('is not asked what cannot be', async () => {
      const refused = (message: string) => fails(message, 'invalid-request');
      await assert.rejects(
        database.newUser(newUser({ password: new Secret('') })),
        refused('missing password credential'),
      );
      await assert.rejects(database.updateUser({ username: 'x' }), refused('missing changes'));
      await assert.rejects(database.updateUser({ username: '' }), refused('missing username'));
      await assert.rejects(database.deleteUser({ username: '', statements: [] }), refused('missing username'));
    });
  });
}
