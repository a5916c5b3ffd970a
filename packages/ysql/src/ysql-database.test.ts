import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isCofferError, type JsonObject, Secret, silentLogger } from '@coffer/base';
import {
  databaseUnderTest,
  dropAdmin,
  eventually,
  makeAdmin,
  startWireProxy,
  type TestDatabase,
} from '@coffer/testkit';
import { logIn, newUser, openYsql, roleExists, SEED_SQL, USERNAME_CONFIG } from './ysql-fixture.ts';
import { YSQL } from './ysql-database.ts';

let server: TestDatabase;
before(async () => {
  server = await databaseUnderTest();
});
after(() => server.stop());

async function validUntil(name: string): Promise<string | undefined> {
  const [row] = await server.query(
    `SELECT to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS until FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  return row === undefined ? undefined : String(row['until']);
}

describe('a user', () => {
  it('is made, extended, given a new password and dropped', async () => {
    await using opened = await openYsql(server, { load_balance: 'true', yb_servers_refresh_interval: '0' });
    const { database } = opened;
    const name = await database.newUser(newUser(SEED_SQL, { expiration: new Date('2031-02-03T04:05:06.789Z') }));
    assert.match(name, /^v-token-my-role-[0-9A-Za-z]{20}-\d{10}$/);
    assert.equal(await validUntil(name), '2031-02-03T04:05:06Z');
    await (await logIn(server, name, 'Pass-1234-word')).end();

    await database.updateUser({
      username: name,
      expiration: { newExpiration: new Date('2032-02-03T04:05:06Z'), statements: [] },
    });
    assert.equal(await validUntil(name), '2032-02-03T04:05:06Z');
    await database.updateUser({ username: name, password: { newPassword: new Secret('other'), statements: [] } });
    await assert.rejects(logIn(server, name, 'Pass-1234-word'), { code: '28P01' });
    const session = await logIn(server, name, 'other');
    const ended = new Promise((resolve) => session.once('end', resolve));
    await database.deleteUser({ username: name, statements: [] });
    await ended;
    assert.equal(await roleExists(server, name), false);
    await assert.rejects(logIn(server, name, 'other'), { code: '28P01' });
    await database.deleteUser({ username: name, statements: [] });
  });

  it('takes the name that it was given, once', async () => {
    await using opened = await openYsql(server);
    const username = await opened.database.nameUser?.(USERNAME_CONFIG);
    assert.ok(username !== undefined);
    assert.equal(await opened.database.newUser(newUser(SEED_SQL, { username })), username);
    await assert.rejects(
      opened.database.newUser(newUser(SEED_SQL, { username })),
      (error) => isCofferError(error, 'failed') && /already exists and was not created by Coffer/.test(error.message),
    );
    assert.equal(await roleExists(server, username), true);
    await opened.database.deleteUser({ username, statements: [] });
  });

  it('is named by a template, cut to 63 bytes', async () => {
    await using opened = await openYsql(server, { username_template: 'é{{.RoleName}}-{{random 70}}' });
    const name = await opened.database.newUser(newUser(SEED_SQL));
    assert.match(name, /^émy-role-/);
    assert.equal(Buffer.byteLength(name), 63);
    assert.equal(await roleExists(server, name), true);
    await opened.database.deleteUser({ username: name, statements: [] });
    assert.equal(await roleExists(server, name), false);
  });

  it('may have any characters in name and password', async () => {
    await using opened = await openYsql(server);
    const username = `a"b'c\\d $$ é{{name}}`;
    const password = `p'q"r\\s é$x$ {{password}} %@:/`;
    const statements = [
      `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`,
      `DO $body$ BEGIN EXECUTE format('GRANT ALL ON DATABASE %I TO %I', current_database(), '{{name}}'); END $body$`,
    ];
    await opened.database.newUser(newUser(statements, { username, password: new Secret(password) }));
    await (await logIn(server, username, password)).end();
    await opened.database.deleteUser({
      username,
      statements: [
        `DO $$ BEGIN NULL; END $$; GRANT "{{name}}" TO CURRENT_USER; DROP OWNED BY "{{name}}"; DROP ROLE "{{name}}"`,
      ],
    });
    assert.equal(await roleExists(server, username), false);
  });

  it('can have only its SCRAM verifier sent', async (test) => {
    const proxy = await startWireProxy({ target: server });
    test.after(() => proxy.stop());
    const { host, port } = proxy;
    await using opened = await openYsql({ ...server, host, port }, { password_authentication: 'scram-sha-256' });
    const name = await opened.database.newUser(newUser(SEED_SQL));
    await (await logIn(server, name, 'Pass-1234-word')).end();
    const password = { newPassword: new Secret('Next-1234-word'), statements: [] };
    await opened.database.updateUser({ username: name, password });
    await (await logIn(server, name, 'Next-1234-word')).end();
    const sent = proxy.statements.map(({ sql }) => sql).join('\n');
    assert.match(sent, /PASSWORD 'SCRAM-SHA-256\$4096:/);
    assert.doesNotMatch(sent, /-1234-word/);
    await opened.database.deleteUser({ username: name, statements: [] });
  });
});

describe('what fails', () => {
  it('leaves nothing behind and says what the database said', async () => {
    await using opened = await openYsql(server);
    const username = 'half-made';
    await assert.rejects(
      opened.database.newUser(newUser(`${SEED_SQL} GRANT nobody_here TO "{{name}}"`, { username })),
      {
        code: 'failed',
        message: 'failed to execute query: ERROR: role "nobody_here" does not exist (SQLSTATE 42704)',
      },
    );
    assert.equal(await roleExists(server, username), false);
  });

  it('is refused before anything is sent', async () => {
    await using opened = await openYsql(server);
    const { database } = opened;
    await assert.rejects(database.newUser(newUser([' ; -- nothing'])), {
      code: 'invalid-request',
      message: 'empty creation statements',
    });
    await assert.rejects(database.updateUser({ username: 'x' }), { message: 'no changes requested' });
    const password = { newPassword: new Secret(''), statements: [] };
    await assert.rejects(database.updateUser({ username: 'x', password }), { message: 'missing password' });
    await assert.rejects(database.updateUser({ username: '', password }), { message: 'missing username' });
    await assert.rejects(YSQL.create(silentLogger).newUser(newUser(SEED_SQL)), {
      message: 'connection has not been initialized',
    });
  });

  it('names a missing user', async () => {
    await using opened = await openYsql(server);
    const change = { newPassword: new Secret('x9x9'), statements: [] };
    await assert.rejects(opened.database.updateUser({ username: 'nobody_here', password: change }), {
      message: 'failed to execute query: ERROR: role "nobody_here" does not exist (SQLSTATE 42704)',
    });
  });

  it('is given up after statement_timeout', async () => {
    await using opened = await openYsql(server, { statement_timeout: '1s' });
    await assert.rejects(
      opened.database.newUser(newUser(`${SEED_SQL} SELECT pg_sleep(600)`, { username: 'sleeper' })),
      /statement timeout \(SQLSTATE 57014\)/,
    );
    assert.equal(await roleExists(server, 'sleeper'), false);
  });

  it('tells no password', async () => {
    await using opened = await openYsql(server);
    const password = new Secret('hush-hush');
    await assert.rejects(
      opened.database.newUser(newUser(`CREATE ROLE "{{name}}" IN ROLE "{{password}}"`, { password })),
      (error) => isCofferError(error) && /role "\[password\]" does not exist/.test(error.message),
    );
  });
});

describe('many at once', () => {
  it('make 16 users with shared grants, by two instances, without an error', async () => {
    await using first = await openYsql(server);
    await using second = await openYsql(server, { max_open_connections: 2 });
    const names = await Promise.all(
      Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? first : second).database.newUser(newUser(SEED_SQL))),
    );
    assert.equal(new Set(names).size, 32);
    for (const name of names) assert.equal(await roleExists(server, name), true);
    await Promise.all(
      names.map((username, i) => (i % 2 === 0 ? second : first).database.deleteUser({ username, statements: [] })),
    );
    for (const name of names) assert.equal(await roleExists(server, name), false);
  });

  it('keep to max_open_connections', async () => {
    await using opened = await openYsql(server, { max_open_connections: 1, load_balance: 'any' });
    const names = await Promise.all(Array.from({ length: 6 }, () => opened.database.newUser(newUser(SEED_SQL))));
    const rows = await server.query(`SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'ysql-plugin %'`);
    assert.equal(rows.length, 1);
    await Promise.all(names.map((username) => opened.database.deleteUser({ username, statements: [] })));
  });

  it('leave no more idle connections than allowed, none beyond its lifetime', async () => {
    const idle = async (): Promise<number> =>
      (await server.query(`SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'ysql-plugin %'`)).length;
    // A server process outlives its connection by a moment.
    const settlesAt = async (count: number): Promise<void> => {
      await eventually(
        async () => (await idle()) === count,
        async () => `${await idle()} idle sessions, not ${count}`,
      );
      assert.equal(await idle(), count);
    };
    const use = async (config: JsonObject, count: number): Promise<void> => {
      await using opened = await openYsql(server, config);
      const statement = `CREATE ROLE "{{name}}" LOGIN`;
      const names = await Promise.all(Array.from({ length: 8 }, () => opened.database.newUser(newUser(statement))));
      await settlesAt(count);
      await Promise.all(names.map((username) => opened.database.deleteUser({ username, statements: [] })));
    };
    await use({ max_idle_connections: 2 }, 2);
    await use({ max_idle_connections: -1 }, 0);
    await use({ max_connection_lifetime: '1s' }, 0);
  });

  it('survive that every idle connection is cut', async () => {
    await using opened = await openYsql(server);
    await server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ysql-plugin %'`,
    );
    const name = await opened.database.newUser(newUser(SEED_SQL));
    await opened.database.deleteUser({ username: name, statements: [] });
  });
});

describe('connecting', () => {
  const initialize = async (config: Record<string, string | number>, verifyConnection = true): Promise<void> => {
    const database = YSQL.create(silentLogger);
    await database.initialize({ config, verifyConnection }).finally(() => database.close());
  };
  const base = { username: 'admin', password: 'hush-hush', db: 'd' };

  it('explains a server that is not there', async () => {
    await assert.rejects(initialize({ ...base, host: '127.0.0.1', port: 1 }), {
      code: 'failed',
      message:
        'error verifying connection: failed to connect to host=127.0.0.1 port=1 user=admin database=d: connection refused',
    });
    await assert.rejects(
      initialize({ ...base, host: 'no-such-host.invalid' }),
      /error verifying connection: .*: (no such host|the host name cannot)/,
    );
    await initialize({ ...base, host: '127.0.0.1', port: 1 }, false);
  });
  it('says where a username template is wrong', async () => {
    const wrong = { ...base, host: '127.0.0.1', port: 1, username_template: 'v-{{ .RoleName | shout }}' };
    await assert.rejects(initialize(wrong, false), {
      code: 'invalid-request',
      message: /^field "username_template": template: 1:18: function "shout" not defined/,
    });
  });
  it('explains a wrong password, and tries it once', async () => {
    await assert.rejects(
      initialize({ ...base, host: server.host, port: server.port, username: server.user }),
      (error) =>
        isCofferError(error) &&
        /password authentication failed for user "yugabyte" \(SQLSTATE 28P01\)/.test(error.message) &&
        !/hush/.test(error.message),
    );
  });
  it('takes the first of several hosts that answers, and any password in the URL', async () => {
    const password = `x'"\\@/:%?#&=é {{username}}`;
    await makeAdmin(server, { user: 'an admin@/:', password });
    await initialize({
      connection_url: `postgres://{{username}}:{{password}}@127.0.0.1:1,${server.host}:${server.port}/${server.database}?load_balance=true`,
      username: 'an admin@/:',
      password,
    });
    await initialize({
      connection_url: `host=${server.host} port=${server.port} dbname=${server.database} user='{{username}}' password='{{password}}'`,
      username: 'an admin@/:',
      password,
    });
    await initialize({ host: server.host, port: server.port, db: server.database, username: 'an admin@/:', password });
    await dropAdmin(server, 'an admin@/:');
  });
});
