import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { startPostgres, startWireProxy, type TestPostgres } from '@coffer/testkit';
import { logIn, newUser, openYsql, roleExists } from '../ysql-fixture.ts';

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
  await server.query('CREATE ROLE app_group');
  await server.query('CREATE DATABASE second');
  // What the admin gives, it was given.
  const give = (privileges: string): string => `GRANT ${privileges} TO ${server.user} WITH GRANT OPTION`;
  await server.query(give('ALL ON DATABASE second'));
  for (const database of ['yugabyte', 'second']) {
    await server.query('CREATE TABLE shared_table (id int)', [], database);
    await server.query(give('USAGE, CREATE ON SCHEMA public'), [], database);
    await server.query(give('ALL ON shared_table'), [], database);
  }
});
after(() => server.stop());

const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;

async function ownerOf(table: string, database = 'yugabyte'): Promise<string> {
  const [row] = await server.query('SELECT tableowner FROM pg_tables WHERE tablename = $1', [table], database);
  return String(row?.['tableowner']);
}

async function runAs(user: string, sql: readonly string[], database = 'yugabyte'): Promise<void> {
  const password = user === server.user ? server.password : 'Pass-1234-word';
  const client = await logIn(server, user, password, database);
  for (const statement of sql) await client.query(statement);
  await client.end();
}

describe('deleteUser', () => {
  it('costs one DROP ROLE when nothing depends on the user', async () => {
    await using opened = await openYsql(server);
    const username = await opened.database.newUser(newUser(`${LOGIN} IN ROLE app_group`));
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
    // The role that takes over is made only when something is owned.
    assert.equal(await roleExists(server, 'coffer_reassigned'), false);
  });

  it('takes privileges away in two databases', async () => {
    await using opened = await openYsql(server);
    const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT ALL ON shared_table TO "{{name}}"`));
    await runAs(server.user, [`GRANT SELECT ON shared_table TO "${username}"`], 'second');
    await server.query(
      `ALTER DEFAULT PRIVILEGES FOR ROLE "${username}" GRANT SELECT ON TABLES TO app_group`,
      [],
      'second',
    );
    await runAs(server.user, [`GRANT CONNECT ON DATABASE second TO "${username}"`]);
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
    assert.equal(await roleExists(server, 'coffer_reassigned'), false);
  });

  it('gives owned objects in two databases to the role that takes over', async () => {
    await using opened = await openYsql(server);
    const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT CREATE ON SCHEMA public TO "{{name}}"`));
    await runAs(server.user, [`GRANT CREATE ON SCHEMA public TO "${username}"`], 'second');
    await runAs(username, ['CREATE TABLE made_first (id int)']);
    await runAs(username, ['CREATE TABLE made_second (id int)'], 'second');
    const session = await logIn(server, username, 'Pass-1234-word');
    await session.query('CREATE TEMPORARY TABLE mine (id int)');
    const ended = new Promise((resolve) => session.once('end', resolve));
    await opened.database.deleteUser({ username, statements: [] });
    await ended;
    assert.equal(await roleExists(server, username), false);
    assert.deepEqual(
      [await ownerOf('made_first'), await ownerOf('made_second', 'second')],
      ['coffer_reassigned', 'coffer_reassigned'],
    );
    const [role] = await server.query(`SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = 'coffer_reassigned'`);
    assert.deepEqual(role, { rolcanlogin: false, rolsuper: false });
    assert.deepEqual(opened.log, []);
  });

  it('gives them to the role that the configuration names, which must exist', async () => {
    const make = `${LOGIN}; GRANT CREATE ON SCHEMA public TO "{{name}}"`;
    await using wrong = await openYsql(server, { reassign_owned_to: 'no_such_role' });
    const username = await wrong.database.newUser(newUser(make));
    await runAs(username, ['CREATE TABLE made_third (id int)']);
    await assert.rejects(
      wrong.database.deleteUser({ username, statements: [] }),
      /field "reassign_owned_to": there is no role "no_such_role"/,
    );
    await assert.rejects(logIn(server, username, 'Pass-1234-word'), { code: '28000' });
    await using right = await openYsql(server, { reassign_owned_to: 'app_group' });
    // The owner of the database is a member of pg_database_owner.
    await server.query('ALTER DATABASE yugabyte OWNER TO app_group');
    await right.database.deleteUser({ username, statements: [] });
    await server.query('ALTER DATABASE yugabyte OWNER TO CURRENT_USER');
    assert.equal(await ownerOf('made_third'), 'app_group');
  });

  it('gives them to nobody who has rights that a function of theirs would then run with', async () => {
    const make = `${LOGIN}; GRANT CREATE ON SCHEMA public TO "{{name}}"`;
    await server.query('CREATE ROLE other_super SUPERUSER NOLOGIN');
    await server.query('CREATE ROLE maker CREATEROLE; CREATE ROLE seer BYPASSRLS');
    await server.query('CREATE ROLE middle IN ROLE pg_execute_server_program; CREATE ROLE heir IN ROLE middle');
    await server.query(`CREATE ROLE heir_of_admin IN ROLE ${server.user}`);
    // An admin that is a superuser shows the worst that could be: a function with its rights.
    const asSuperuser = { ...server, ...server.superuser };
    const refused: readonly (readonly [TestPostgres, string, RegExp])[] = [
      [asSuperuser, asSuperuser.user, /field "reassign_owned_to": "postgres" is a superuser/],
      [asSuperuser, 'other_super', /field "reassign_owned_to": "other_super" is a superuser/],
      [server, 'other_super', /field "reassign_owned_to": "other_super" is a superuser/],
      [server, 'maker', /field "reassign_owned_to": "maker" has CREATEROLE/],
      [server, 'seer', /field "reassign_owned_to": "seer" has CREATEROLE, REPLICATION or BYPASSRLS/],
      [server, 'heir', /field "reassign_owned_to": "heir" has the rights of .* a role that comes with the server/],
      [server, 'heir_of_admin', /field "reassign_owned_to": "heir_of_admin" has the rights of .* the admin/],
      [server, server.user, /field "reassign_owned_to": the connection logs in as "yugabyte"/],
    ];
    for (const [as, reassign_owned_to, message] of refused) {
      await using wrong = await openYsql(as, { reassign_owned_to });
      const username = await wrong.database.newUser(newUser(make));
      await runAs(username, [
        'CREATE FUNCTION planted() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT current_user::text $$',
      ]);
      await assert.rejects(wrong.database.deleteUser({ username, statements: [] }), message);
      await assert.rejects(logIn(server, username, 'Pass-1234-word'), { code: '28000' });
      const [planted] = await server.query(
        `SELECT pg_get_userbyid(proowner) AS owner FROM pg_proc WHERE proname = 'planted'`,
      );
      assert.equal(planted?.['owner'], username);
      await server.query('DROP FUNCTION planted()');
      await wrong.database.deleteUser({ username, statements: [] });
      assert.equal(await roleExists(server, username), false);
    }
  });

  it('drops owned objects when it is told to', async () => {
    await using opened = await openYsql(server, { owned_objects: 'drop' });
    const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT CREATE ON SCHEMA public TO "{{name}}"`));
    await runAs(username, ['CREATE TABLE made_fourth (id int)']);
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await ownerOf('made_fourth'), 'undefined');
    assert.equal(await roleExists(server, username), false);
  });

  it('refuses with the list of owned objects when it is told to, and locks the user out', async () => {
    await using opened = await openYsql(server, { owned_objects: 'fail' });
    const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT CREATE ON SCHEMA public TO "{{name}}"`));
    await runAs(username, ['CREATE TABLE made_fifth (id int)']);
    await assert.rejects(
      opened.database.deleteUser({ username, statements: [] }),
      (error) =>
        isCofferError(error, 'failed') &&
        /owned_objects is "fail": in database "yugabyte": table public\.made_fifth/.test(error.message),
    );
    await assert.rejects(logIn(server, username, 'Pass-1234-word'), { code: '28000' });
    await server.query('DROP TABLE made_fifth');
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
  });

  it('locks a user out before it takes privileges away, when it must drop nothing', async (test) => {
    const proxy = await startWireProxy({ target: server });
    test.after(() => proxy.stop());
    await using opened = await openYsql({ ...server, port: proxy.port }, { owned_objects: 'fail' });
    const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT CREATE ON SCHEMA public TO "{{name}}"`));
    const session = await logIn(server, username, 'Pass-1234-word');
    let made: Promise<unknown> | undefined;
    // As late as can be: just before the statement that ends what the user may do.
    proxy.addFault({
      match: (sql) => {
        if (!/^ALTER ROLE .* NOLOGIN|^DROP OWNED/.test(sql)) return false;
        made ??= session.query('CREATE TABLE made_late (id int)');
        return true;
      },
      action: { type: 'delay', ms: 200 },
    });
    await assert.rejects(opened.database.deleteUser({ username, statements: [] }), /table public\.made_late/);
    await made;
    assert.equal(await ownerOf('made_late'), username);
    await server.query('DROP TABLE made_late');
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
  });

  it('drops nothing that a user makes while it is revoked', async (test) => {
    const proxy = await startWireProxy({ target: server });
    test.after(() => proxy.stop());
    await using opened = await openYsql({ ...server, port: proxy.port });
    const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT CREATE ON SCHEMA public TO "{{name}}"`));
    const session = await logIn(server, username, 'Pass-1234-word');
    let made: Promise<unknown> | undefined;
    proxy.addFault({
      match: (sql) => {
        if (!/^SELECT usesysid/.test(sql)) return false;
        made ??= session.query('CREATE TABLE made_meanwhile (id int)');
        return true;
      },
      action: { type: 'delay', ms: 200 },
    });
    await opened.database.deleteUser({ username, statements: [] });
    await made;
    assert.equal(await roleExists(server, username), false);
    assert.equal(await ownerOf('made_meanwhile'), 'coffer_reassigned');
  });

  it('gives away a database that the user owns', async () => {
    for (const owned_objects of ['reassign', 'drop']) {
      await using opened = await openYsql(server, { owned_objects });
      const username = await opened.database.newUser(newUser(LOGIN));
      await server.query(`CREATE DATABASE owned OWNER "${username}"`);
      const deletion = opened.database.deleteUser({ username, statements: [] });
      // DROP OWNED drops no database, and neither do we.
      if (owned_objects === 'drop') await assert.rejects(deletion, /2BP01.*|owner of database owned/);
      else await deletion;
      assert.equal(await roleExists(server, username), owned_objects === 'drop');
      const [owner] = await server.query(
        `SELECT datdba::regrole::text AS name FROM pg_database WHERE datname = 'owned'`,
      );
      assert.equal(owner?.['name'], owned_objects === 'drop' ? `"${username}"` : 'coffer_reassigned');
      await server.query('DROP DATABASE owned');
      await opened.database.deleteUser({ username, statements: [] });
    }
  });

  it('gets into a database that the user owns and has shut to others', async () => {
    await using opened = await openYsql(server);
    // Their order among what depends on the user must not matter.
    const databases = ['shut_first', 'shut_second'];
    const username = await opened.database.newUser(newUser(LOGIN));
    for (const database of databases) {
      await server.query(`CREATE DATABASE ${database} OWNER "${username}"`);
      await runAs(username, [`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`, 'CREATE SCHEMA mine'], database);
    }
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
    for (const database of databases) {
      const [owner] = await server.query(
        `SELECT nspowner::regrole::text AS name FROM pg_namespace WHERE nspname = 'mine'`,
        [],
        database,
      );
      assert.equal(owner?.['name'], 'coffer_reassigned');
      await server.query(`DROP DATABASE ${database}`);
    }
  });

  it('warns when it may not end sessions, and drops the user all the same', async () => {
    await server.query(`CREATE ROLE weak LOGIN CREATEROLE PASSWORD 'weak-pw'`);
    await using opened = await openYsql({ ...server, user: 'weak', password: 'weak-pw' });
    const username = await opened.database.newUser(newUser(LOGIN));
    const session = await logIn(server, username, 'Pass-1234-word');
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
    assert.match(
      opened.log.map((entry) => entry.message).join('\n'),
      /failed to end the sessions of a revoked user: .*grant pg_signal_backend to the admin user/,
    );
    await session.end();
  });

  it('runs custom statements as they are, then ends the sessions', async () => {
    await using opened = await openYsql(server);
    const username = await opened.database.newUser(newUser(LOGIN));
    const session = await logIn(server, username, 'Pass-1234-word');
    const ended = new Promise((resolve) => session.once('end', resolve));
    await opened.database.deleteUser({ username, statements: ['ALTER ROLE "{{name}}" NOLOGIN'] });
    await ended;
    assert.equal(await roleExists(server, username), true);
    await opened.database.deleteUser({ username, statements: ['DROP ROLE "{{name}}"'] });
    // A user that is gone is a success, whatever the statements would do.
    await opened.database.deleteUser({ username, statements: ['DROP ROLE "{{name}}"'] });
    await assert.rejects(
      opened.database.deleteUser({ username: 'app_group', statements: ['DROP ROLE no_such_role'] }),
      /failed to execute query: ERROR: role "no_such_role" does not exist/,
    );
  });
});
