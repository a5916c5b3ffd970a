import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import pg from 'pg';
import { databaseUnderTest, dropAdmin, eventually, freePort, makeAdmin, startPostgres } from './index.ts';
import type { Rows, TestPostgres } from './index.ts';

/** Every login by name, with its attributes and what it is a member of, directly or not. */
function rolesThatLogIn(postgres: TestPostgres): Promise<Rows> {
  return postgres.query(`
    SELECT rolname AS name,
      concat_ws(' ', CASE WHEN rolsuper THEN 'super' END, CASE WHEN rolcreaterole THEN 'createrole' END,
        CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolreplication THEN 'replication' END,
        CASE WHEN rolbypassrls THEN 'bypassrls' END) AS attributes,
      (SELECT string_agg(g.rolname, ', ') FROM pg_roles g
       WHERE g.oid <> r.oid AND NOT r.rolsuper AND pg_has_role(r.oid, g.oid, 'MEMBER')) AS member_of
    FROM pg_roles r WHERE rolcanlogin ORDER BY rolname`);
}

async function assertNobodyListens(postgres: TestPostgres): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url });
  await assert.rejects(client.connect(), { code: 'ECONNREFUSED' });
  await assert.rejects(postgres.query('SELECT 1'), { code: 'ENOENT' });
}

describe('startPostgres', () => {
  it('starts, answers, has yb_servers() in new databases, and leaves nothing behind', async () => {
    const postgres = await startPostgres({ password: `p@ss'w"o\\rd /%`, settings: { log_statement: 'all' } });
    const rows = await postgres.query('SELECT $1::int + 1 AS sum, current_database() AS name', [41]);
    assert.deepEqual(rows, [{ sum: 42, name: 'yugabyte' }]);
    assert.match(postgres.log(), /SELECT \$1::int \+ 1 AS sum/);
    await postgres.query('CREATE DATABASE second');
    const servers = await postgres.query('SELECT * FROM yb_servers()', [], 'second');
    assert.equal(servers.length, 1);
    assert.equal(servers[0]?.['host'], '127.0.0.1');
    assert.equal(Number(servers[0]?.['port']), postgres.port);
    await postgres.stop();
    await postgres.stop();
    assert.equal(existsSync(postgres.dataDirectory), false);
    assert.throws(() => process.kill(postgres.pid, 0), { code: 'ESRCH' });
    assert.match(postgres.log(), /SELECT \$1::int \+ 1 AS sum/);
    await assertNobodyListens(postgres);
  });

  it('gives the product an admin with what the documentation says and nothing more', async () => {
    const postgres = await startPostgres({ password: `o'wn\\ "admin"`, settings: { log_statement: 'all' } });
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const seen = await client.query('SELECT current_user, current_setting($1) AS is_superuser', ['is_superuser']);
    assert.deepEqual(seen.rows, [{ current_user: postgres.user, is_superuser: 'off' }]);
    await client.end();
    assert.deepEqual(await rolesThatLogIn(postgres), [
      { name: postgres.superuser.user, attributes: 'super createrole createdb replication bypassrls', member_of: null },
      { name: postgres.user, attributes: 'createrole', member_of: 'pg_signal_backend' },
    ]);
    const held = `
      SELECT d.classid::regclass::text AS what, a.privilege_type AS privilege, a.is_grantable AS may_give
      FROM pg_shdepend d LEFT JOIN pg_database b ON d.classid = 'pg_database'::regclass AND b.oid = d.objid
      LEFT JOIN LATERAL aclexplode(b.datacl) a ON a.grantee = d.refobjid
      WHERE d.refobjid = $1::regrole ORDER BY privilege`;
    assert.deepEqual(
      await postgres.query(held, [postgres.user]),
      ['CONNECT', 'CREATE', 'TEMPORARY'].map((privilege) => ({ what: 'pg_database', privilege, may_give: true })),
    );
    const [asked] = await postgres.query('SELECT current_user, current_setting($1) AS is_superuser', ['is_superuser']);
    assert.deepEqual(asked, { current_user: postgres.superuser.user, is_superuser: 'on' });
    assert.ok(!postgres.log().includes("PASSWORD 'o''wn"), 'the admin’s password is not in the log');
    await postgres.stop();
  });

  it('gives it the superuser when that is asked for', async () => {
    const postgres = await startPostgres({ admin: 'superuser', ybServers: false });
    const { user, password } = postgres;
    assert.deepEqual(postgres.superuser, { user, password });
    const [only, ...others] = await rolesThatLogIn(postgres);
    assert.deepEqual([only?.['name'], others], [user, []]);
    await postgres.stop();
  });

  it('has more admins made and dropped by several at once', async () => {
    const postgres = await startPostgres({ ybServers: false });
    const names = Array.from({ length: 8 }, (_, n) => `a "second" admin, ${n}`);
    await Promise.all(names.map((user) => makeAdmin(postgres, { user, password: `${user}'s` })));
    const roles = await rolesThatLogIn(postgres);
    assert.deepEqual(
      roles.filter(({ name }) => names.includes(String(name))),
      names.map((name) => ({ name, attributes: 'createrole', member_of: 'pg_signal_backend' })),
    );
    await Promise.all(names.map((user) => dropAdmin(postgres, user)));
    await dropAdmin(postgres, 'nobody');
    assert.equal((await rolesThatLogIn(postgres)).length, 2);
    await assert.rejects(makeAdmin(postgres, postgres), { code: '42710' });
    await postgres.stop();
  });

  it('refuses a wrong password and takes the next port when the one asked for is busy', async () => {
    const busy = createServer().listen(await freePort(), '127.0.0.1');
    await once(busy, 'listening');
    const address = busy.address();
    assert.ok(address !== null && typeof address === 'object');
    const postgres = await startPostgres({ port: address.port, ybServers: false });
    assert.ok(postgres.port > address.port);
    const { host, port, user, database } = postgres;
    const intruder = new pg.Client({ host, port, user, database, password: 'wrong' });
    await assert.rejects(intruder.connect(), { code: '28P01' });
    await assert.rejects(postgres.query('SELECT * FROM yb_servers()'), { code: '42883' });
    await postgres.stop();
    busy.close();
  });

  it('halts and resumes with its data, on the same port', async () => {
    const postgres = await startPostgres({ ybServers: false });
    await postgres.query('CREATE TABLE kept AS SELECT 42 AS answer');
    await postgres.halt();
    await postgres.halt();
    await assertNobodyListens(postgres);
    await postgres.resume();
    assert.deepEqual(await postgres.query('SELECT answer FROM kept'), [{ answer: 42 }]);
    await postgres.halt();
    await postgres.stop();
    assert.equal(existsSync(postgres.dataDirectory), false);
  });

  it('ends with the process that started it, even when that is killed', async () => {
    const script = `
      import { startPostgres } from '@coffer/testkit';
      const postgres = await startPostgres();
      console.log(JSON.stringify({ pid: postgres.pid, data: postgres.dataDirectory }));
      setInterval(() => undefined, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { pid, data } = JSON.parse(line.toString()) as { pid: number; data: string };
    assert.equal(existsSync(data), true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await eventually(() => !existsSync(data), 'the end of its files');
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  it('stores passwords as MD5 when that is the method, and asks for none with trust', async () => {
    const md5 = await startPostgres({ authMethod: 'md5' });
    const [row] = await md5.query('SELECT rolpassword FROM pg_authid WHERE rolname = current_user');
    assert.match(String(row?.['rolpassword']), /^md5/);
    await md5.stop();
    const trusting = await startPostgres({ authMethod: 'trust', database: 'postgres', ownProcessGroup: true });
    const client = new pg.Client({ host: trusting.host, port: trusting.port, user: 'yugabyte', database: 'postgres' });
    await client.connect();
    await client.end();
    await trusting.stop();
  });

  it('says what the server said when it cannot start', async () => {
    await assert.rejects(startPostgres({ settings: { shared_buffers: 'plenty' } }), /shared_buffers/);
  });

  it('does not keep a process alive that forgets to stop it', async () => {
    const script = `
      import { startPostgres } from '@coffer/testkit';
      console.log((await startPostgres()).dataDirectory);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    assert.deepEqual(await exit, [0, null]);
    await eventually(() => !existsSync(line.toString().trim()), 'the end of its files');
  });
});

describe('databaseUnderTest', () => {
  const before = process.env['YSQL_URL'];
  afterEach(() => {
    if (before === undefined) delete process.env['YSQL_URL'];
    else process.env['YSQL_URL'] = before;
  });

  it('is the database that YSQL_URL names, which it leaves running', async () => {
    const postgres = await startPostgres({ password: 'p@:/%' });
    process.env['YSQL_URL'] = postgres.url;
    const named = await databaseUnderTest({ user: 'of no account' });
    const { host, port, user, password, database, url } = postgres;
    assert.partialDeepStrictEqual(named, { host, port, user, password, database, url, superuser: { user, password } });
    await named.stop();
    assert.deepEqual(await named.query('SELECT current_database() AS d', [], 'postgres'), [{ d: 'postgres' }]);
    await postgres.stop();
  });

  it('refuses a URL it does not know', async () => {
    for (const url of ['localhost:5433', 'mysql://h/d', 'x']) {
      process.env['YSQL_URL'] = url;
      await assert.rejects(databaseUnderTest(), /YSQL_URL/);
    }
  });
});

describe('freePort', () => {
  it('steps over a busy port and says when there is none', async () => {
    const busy = createServer().listen(65535, '127.0.0.1');
    await once(busy, 'listening');
    await assert.rejects(freePort(65535), /no free TCP port/);
    busy.close();
    assert.ok((await freePort()) > 0);
  });
});
