import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret } from '@coffer/base';
import { makeAdmin, startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';
import { logIn, newUser, openYsql } from '../ysql-fixture.ts';

let server: TestPostgres;
let proxy: WireProxy;
before(async () => {
  server = await startPostgres({ settings: { 'yb.make_next_ddl_statement_nonbreaking': 'off' } });
  // PostgreSQL lacks YugabyteDB's setting; a name with a dot in it is one that it takes.
  proxy = await startWireProxy({
    target: server,
    rewrite: (sql) => sql.replace('yb_make_next_ddl_statement_nonbreaking', 'yb.make_next_ddl_statement_nonbreaking'),
  });
});
after(async () => {
  await proxy.stop();
  await server.stop();
});

const ROLE = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;
const expiration = { newExpiration: new Date('2040-01-01T00:00:00Z'), statements: [] };

/** The DROP ROLE statements since then, and the values that the setting was given. */
const dropsSince = (seen: number): (string | undefined)[] =>
  proxy.statements.slice(seen).flatMap(({ sql }) => {
    const match = /^SET.*= (\w+)|^DROP ROLE/.exec(sql);
    return match === null ? [] : [match[1] ?? match[0]];
  });

describe('deleteUser', () => {
  it('drops without breaking transactions where it can, and leaves no connection behind that would spare more', async () => {
    await using opened = await openYsql({ ...server, port: proxy.port }, { max_open_connections: 1 });
    const [first, second] = [
      await opened.database.newUser(newUser(ROLE)),
      await opened.database.newUser(newUser(ROLE)),
    ];
    let seen = proxy.statements.length;
    await opened.database.deleteUser({ username: first, statements: [] });
    assert.deepEqual(dropsSince(seen), ['true', 'DROP ROLE']);
    // The batch fails, and the drop alone once.
    const action = { type: 'error', sqlstate: '40001', message: 'conflict' } as const;
    proxy.addFault({ match: /^DROP ROLE/m, times: 2, action });
    seen = proxy.statements.length;
    await opened.database.deleteUser({ username: second, statements: [] });
    const spared = ['true', 'DROP ROLE'];
    assert.deepEqual(dropsSince(seen), [...spared, 'false', ...spared, 'false', ...spared]);
  });
});

describe('updateUser', () => {
  it('asks once a connection whether an expiration can be set without breaking transactions, and does so', async () => {
    await using opened = await openYsql({ ...server, port: proxy.port });
    const username = await opened.database.newUser(newUser(ROLE));
    const seen = proxy.statements.length;
    await opened.database.updateUser({ username, expiration });
    await opened.database.updateUser({ username, expiration });
    const kinds = proxy.statements.slice(seen).map((statement) => statement.sql.split(' ')[0]);
    assert.deepEqual(kinds, ['SELECT', 'SET', 'ALTER', 'SET', 'ALTER']);
  });

  it('goes on when it may not set that', async () => {
    await using opened = await openYsql({ ...server, port: proxy.port });
    const username = await opened.database.newUser(newUser(ROLE));
    proxy.addFault({ match: /^SET/, action: { type: 'error', sqlstate: '42501', message: 'permission denied' } });
    const seen = proxy.statements.length;
    await opened.database.updateUser({ username, expiration });
    await opened.database.updateUser({ username, expiration });
    const kinds = proxy.statements.slice(seen).map((statement) => statement.sql.split(' ')[0]);
    assert.deepEqual(kinds, ['SELECT', 'SET', 'ALTER', 'ALTER']);
  });

  it('runs custom statements in one transaction, DO blocks included', async () => {
    await using opened = await openYsql({ ...server, port: proxy.port });
    const username = await opened.database.newUser(newUser(ROLE));
    const statements = [
      `DO $$ BEGIN EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 7', '{{name}}'); END $$; ALTER ROLE "{{username}}" PASSWORD '{{password}}'`,
    ];
    await opened.database.updateUser({ username, password: { newPassword: new Secret('x'), statements } });
    const [row] = await server.query('SELECT rolconnlimit FROM pg_roles WHERE rolname = $1', [username]);
    assert.equal(row?.['rolconnlimit'], 7);
    const renewal = [`ALTER ROLE "{{name}}" CONNECTION LIMIT 8; ALTER ROLE nobody_here VALID UNTIL '{{expiration}}'`];
    await assert.rejects(
      opened.database.updateUser({ username, expiration: { ...expiration, statements: renewal } }),
      /failed to execute query: ERROR: role "nobody_here" does not exist \(SQLSTATE 42704\)/,
    );
    const [unchanged] = await server.query('SELECT rolconnlimit FROM pg_roles WHERE rolname = $1', [username]);
    assert.equal(unchanged?.['rolconnlimit'], 7);
  });

  it('sets the password even when the expiration fails', async () => {
    await using opened = await openYsql({ ...server, port: proxy.port });
    const username = await opened.database.newUser(newUser(ROLE));
    const before_ = await server.query('SELECT rolpassword FROM pg_authid WHERE rolname = $1', [username]);
    await assert.rejects(
      opened.database.updateUser({
        username,
        password: { newPassword: new Secret('next'), statements: [] },
        expiration: { ...expiration, statements: ['SELECT nothing_of_the_kind'] },
      }),
      /nothing_of_the_kind/,
    );
    const after_ = await server.query('SELECT rolpassword FROM pg_authid WHERE rolname = $1', [username]);
    assert.notDeepEqual(after_, before_);
  });
});

describe('the password of our own user', () => {
  const changes: Readonly<Record<string, readonly string[]>> = {
    'by the default statement': [],
    'by several statements': [`ALTER ROLE "{{name}}" PASSWORD '{{password}}'`, 'SELECT 1'],
  };
  // For longer than the test may take: nothing but the new password can tell that the lost statement is over.
  const config = { statement_timeout: '600s', connect_timeout: '5s' };

  async function openAs(username: string, timeouts = config): Promise<Awaited<ReturnType<typeof openYsql>>> {
    await makeAdmin(server, { user: username, password: 'first' });
    return openYsql({ ...server, port: proxy.port, user: username, password: 'first' }, timeouts);
  }
  const failedLogins = (username: string): number =>
    server.log().split(`password authentication failed for user "${username}"`).length - 1;

  for (const [at, [how, statements]] of Object.entries(changes).entries()) {
    for (const type of ['drop-before', 'drop-after'] as const) {
      it(`is changed ${how} although the answer is lost (${type})`, { timeout: 60_000 }, async () => {
        const username = `own_${at}_${type.replace('-', '_')}`;
        await using opened = await openAs(username);
        const fault = proxy.addFault({ match: statements.length > 0 ? /^COMMIT/m : /^ALTER ROLE/, action: { type } });
        await opened.database.updateUser({ username, password: { newPassword: new Secret('second'), statements } });
        assert.equal(fault.fired, 1);
        await (await logIn(server, username, 'second')).end();
        assert.ok(failedLogins(username) <= 3, 'login profiles lock a user out after some failures');
        assert.deepEqual(opened.log, []);
      });
    }
  }

  it('is not taken for changed when neither logs in', async () => {
    // Whoever notices the end of its connection only when it uses it waits as long as a statement may take.
    await using opened = await openAs('own_other', { ...config, statement_timeout: '2s' });
    await server.query(`ALTER ROLE own_other PASSWORD 'by-hand'`);
    await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'own_other'`);
    const change = { newPassword: new Secret('second'), statements: [] };
    await assert.rejects(opened.database.updateUser({ username: 'own_other', password: change }), /28P01/);
  });
});
