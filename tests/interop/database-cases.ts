/** The calls of Vault's database contract, made by Vault's client. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { TELLING_STATEMENTS } from '../../packages/ysql/src/telling-statements-fixture.ts';
import type { ProcessView } from './go-host.ts';
import { failure, type PluginUnderTest } from './plugin-under-test.ts';
import { isRunning } from './process-end.ts';
import { callRaw, checkRefusals } from './refusals.ts';
import { newSecret } from './secrets.ts';

/** `plugin` is the registered name that leads to `protocol`. */
export function databaseCases(start: () => PluginUnderTest, plugin: 'ysql' | 'ysql-5', protocol: 5 | 6): void {
  const multiplexing = protocol === 6;
  let ysql: PluginUnderTest;
  let view: ProcessView;
  before(async () => {
    ysql = start();
    view = await ysql.openInitialized(plugin, plugin);
  });
  after(async () => {
    await ysql.host.call('close', { database: plugin });
    assert.ok(!isRunning(view.pid), 'the process ends with its last database');
    assert.ok(!existsSync(view.socket), 'its socket is gone');
  });

  it('is agreed on', async () => {
    assert.deepEqual([view.protocol, view.multiplexing], [protocol, multiplexing]);
    assert.ok(existsSync(view.socket), 'it listens on a unix socket');
    assert.equal(await ysql.host.call('type', { database: plugin }), 'yugabyte');
    assert.equal(await ysql.host.call('version', { database: plugin }), '');
  });

  it('lets nobody in but its host', async () => {
    assert.deepEqual(await ysql.host.call('intrude', { database: plugin }), {
      'plain text': 'Unavailable',
      'no certificate': 'Unavailable',
      'other certificate': 'Unavailable',
    });
    assert.equal(await ysql.host.call('type', { database: plugin }), 'yugabyte');
  });

  it('initializes: gives the configuration back, warns of an unknown field, refuses a wrong password', async () => {
    const other = `${plugin} initialize`;
    await ysql.host.open(plugin, other);
    const given = ysql.config({ port: String(ysql.database.port), colour: 'blue' });
    assert.deepEqual(await ysql.host.call('initialize', { database: other, config: given, verify: true }), given);
    const wrong = ysql.config({ password: newSecret() });
    const error = await failure(ysql.host.call('initialize', { database: other, config: wrong, verify: true }));
    assert.match(
      error.message,
      /^unable to initialize: rpc error: code = Internal desc = failed to initialize: error verifying connection: .*password authentication failed.*\(SQLSTATE 28P01\)$/s,
    );
    for (const scram of ['scram-sha-256', 'password']) {
      const secrets = { password: newSecret(), sslpassword: newSecret(), private_key: newSecret() };
      const refused = ysql.config({ ...secrets, tls_certificate: 'none', password_authentication: scram });
      await failure(ysql.host.call('initialize', { database: other, config: refused, verify: true }));
    }
    const missing = ysql.config({ username: '' });
    assert.equal(
      (await failure(ysql.host.call('initialize', { database: other, config: missing, verify: false }))).message,
      'unable to initialize: rpc error: code = Internal desc = failed to initialize: username cannot be empty',
    );
    await ysql.host.waitForLog(({ level, message }) => level === 'warn' && message.includes('unknown field "colour"'));
    await ysql.host.call('close', { database: other });
  });

  it('makes, changes and drops a user', async () => {
    const first = newSecret();
    const username = await ysql.newUser(plugin, first);
    assert.match(username, /^v-token-my-role-[A-Za-z0-9]{20}-\d{10}$/);
    assert.ok(await ysql.logsIn(username, first));

    const second = newSecret();
    await ysql.host.call('updateUser', { database: plugin, username, password: second });
    assert.deepEqual([await ysql.logsIn(username, first), await ysql.logsIn(username, second)], [false, true]);

    const later = new Date(Date.now() + 7_200_000);
    later.setMilliseconds(0);
    await ysql.host.call('updateUser', { database: plugin, username, expiration: later.toISOString() });
    assert.equal(await ysql.validUntil(username), later.getTime());
    assert.ok(await ysql.logsIn(username, second), 'the password is what it was');

    const third = newSecret();
    const both = { password: third, expiration: new Date(later.getTime() + 60_000).toISOString() };
    await ysql.host.call('updateUser', { database: plugin, username, ...both });
    assert.equal(await ysql.validUntil(username), later.getTime() + 60_000);
    assert.deepEqual([await ysql.logsIn(username, second), await ysql.logsIn(username, third)], [false, true]);

    const fourth = newSecret();
    const rotation = [`ALTER ROLE "{{name}}" PASSWORD '{{password}}' CONNECTION LIMIT 7`];
    await ysql.host.call('updateUser', { database: plugin, username, password: fourth, statements: rotation });
    assert.ok(await ysql.logsIn(username, fourth));
    const [role] = await ysql.database.query('SELECT rolconnlimit FROM pg_roles WHERE rolname = $1', [username]);
    assert.equal(role?.['rolconnlimit'], 7);

    await ysql.host.call('deleteUser', { database: plugin, username });
    assert.deepEqual(await ysql.database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [username]), []);
    await ysql.host.call('deleteUser', { database: plugin, username });
    await ysql.host.call('deleteUser', { database: plugin, username, statements: ['DROP ROLE "{{name}}"'] });
  });

  it('wraps what failed as the SDK does', async () => {
    const statements = [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; GRANT nobody_here TO "{{name}}"`];
    const refused = await failure(ysql.newUser(plugin, newSecret(), { statements }));
    assert.equal(refused.code, 'Internal');
    assert.match(
      refused.message,
      /^unable to create new user: rpc error: code = Internal desc = unable to create new user: .*role "nobody_here" does not exist \(SQLSTATE 42704\)$/,
    );
    assert.deepEqual(await ysql.database.query(`SELECT 1 FROM pg_roles WHERE rolname LIKE 'v-token-my-role-%'`), []);

    // A server's error may repeat the statement, and the statement holds the password.
    const repeated = newSecret();
    const syntax = await failure(
      ysql.newUser(plugin, repeated, { statements: [`DO $do$ BEGIN RAISE '%', '{{password}}'; END $do$`] }),
    );
    assert.match(syntax.message, /\[password\]/);

    for (const sql of Object.values(TELLING_STATEMENTS)) {
      await failure(ysql.newUser(plugin, newSecret(), { statements: [`CREATE ROLE "{{name}}"`, sql] }));
      const telling = { database: plugin, username: ysql.admin, password: newSecret(), statements: [sql] };
      await failure(ysql.host.call('updateUser', telling));
    }

    const key = await failure(ysql.newUser(plugin, '', { credentialType: 1, publicKey: 'key' }));
    assert.match(key.message, /desc = unable to create new user: unsupported credential type: rsa_private_key/);

    const change = { database: plugin, username: 'nobody-here', password: newSecret() };
    const update = await failure(ysql.host.call('updateUser', change));
    assert.equal(update.code, 'Internal');
    assert.match(
      update.message,
      /^unable to update user: rpc error: code = Internal desc = unable to update user: .*\(SQLSTATE 42704\)$/,
    );
    const managed = { ...change, selfManagedPassword: newSecret() };
    assert.match((await failure(ysql.host.call('updateUser', managed))).message, /self-managed/);

    const stays = await ysql.newUser(plugin, newSecret());
    const drop = { database: plugin, username: stays, statements: ['SELECT 1/0'] };
    assert.match(
      (await failure(ysql.host.call('deleteUser', drop))).message,
      /^unable to delete user: rpc error: code = Internal desc = unable to delete user: .*division by zero \(SQLSTATE 22012\)$/,
    );
    await ysql.host.call('deleteUser', { database: plugin, username: stays });
  });

  it('refuses what the SDK refuses, with its codes and texts', async () => {
    const reference = multiplexing ? 'go' : 'go-5';
    await ysql.host.open(reference, reference);
    await checkRefusals(ysql.host, reference, multiplexing);
    await checkRefusals(ysql.host, plugin, multiplexing);
    await ysql.host.call('close', { database: reference });
  });

  it('refuses messages over 4 MiB, takes those below, and survives garbage', async () => {
    const padding = (bytes: number) => [`CREATE ROLE "{{name}}" LOGIN -- ${'x'.repeat(bytes)}`];
    const large = await failure(ysql.newUser(plugin, newSecret(), { statements: padding(4 * 1024 * 1024) }));
    assert.equal(large.code, 'ResourceExhausted');
    const username = await ysql.newUser(plugin, newSecret(), { statements: padding(4_000_000) });
    await ysql.host.call('deleteUser', { database: plugin, username });

    const truncated = Buffer.from([0x0a, 0x7f, 0x01]).toString('base64');
    const garbage = await failure(callRaw(ysql.host, plugin, 'NewUser', { bytes: truncated, multiplexIds: ['one'] }));
    assert.equal(garbage.code, 'Internal');
    assert.equal(await ysql.host.call('type', { database: plugin }), 'yugabyte');
  });

  it('serves 16 calls at once', async () => {
    const users = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const password = newSecret();
        return { username: await ysql.newUser(plugin, password), password };
      }),
    );
    assert.equal(new Set(users.map(({ username }) => username)).size, 16);
    for (const { username, password } of users) assert.ok(await ysql.logsIn(username, password));
    await Promise.all(users.map(({ username }) => ysql.host.call('deleteUser', { database: plugin, username })));
  });
}
