/**
 * An admin with exactly the grants of docs/database/admin-user.md, whose SQL is run from the page: by a superuser, and by
 * an admin that has what YugabyteDB Aeon's `admin` has. Aeon's own roles are stand-ins.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { splitSql } from '@coffer/ysql';
import { logIn, newUser, openYsql, roleExists } from '../packages/ysql/src/ysql-fixture.ts';
import { configure, issue, startTestServer, type TestServer } from './dev-server.ts';
import { executedBlocks } from './documentation.ts';
import { tryLogin } from './logins.ts';

const BLOCKS: ReadonlyMap<string, string> = new Map(
  executedBlocks('docs/database/admin-user.md', import.meta.filename).map(({ kind, text }) => [
    kind.replace('sql ', ''),
    text,
  ]),
);
const ADMIN = { user: 'vault_admin', password: 'change-me' };
const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' IN ROLE app_makers`;

/** What is there before the page is read: roles of an application, its schema in two databases, YugabyteDB's own roles. */
const APPLICATION = [
  'CREATE ROLE yb_db_admin NOLOGIN',
  'CREATE ROLE app_owner NOLOGIN',
  'CREATE ROLE app_readers NOLOGIN',
  'CREATE ROLE app_makers NOLOGIN',
  'CREATE DATABASE second',
];
const SCHEMA = [
  'CREATE SCHEMA app AUTHORIZATION app_owner',
  'CREATE TABLE app.things (id int)',
  'ALTER TABLE app.things OWNER TO app_owner',
  'GRANT USAGE, CREATE ON SCHEMA app TO app_makers',
];
/** The database's owner, too: on Aeon `admin` owns the databases that it made. */
const AEON_ADMIN = [
  `CREATE ROLE admin LOGIN CREATEROLE CREATEDB BYPASSRLS PASSWORD 'aeon'`,
  'GRANT pg_read_all_stats, pg_signal_backend, yb_db_admin TO admin',
  'ALTER DATABASE yugabyte OWNER TO admin',
  'GRANT app_owner TO admin',
];

/** One of everything that a user can own in a schema. */
const OBJECTS = [
  'CREATE TABLE app.made_table (id serial)',
  'CREATE VIEW app.made_view AS SELECT id FROM app.made_table',
  `CREATE TYPE app.made_type AS ENUM ('a')`,
  'CREATE FUNCTION app.made_function() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
];

for (const preparer of ['a superuser', 'the admin of YugabyteDB Aeon'] as const) {
  describe(`an admin with the documented grants, made by ${preparer}`, () => {
    let database: TestPostgres;
    let admin: TestPostgres;
    let server: TestServer;

    before(async () => {
      database = await startPostgres();
      for (const sql of [...APPLICATION, ...SCHEMA]) await database.query(sql);
      for (const sql of SCHEMA) await database.query(sql, [], 'second');
      if (preparer !== 'a superuser') for (const sql of AEON_ADMIN) await database.query(sql);
      for (const name of ['admin', 'yugabytedb', 'roles', 'database', 'objects']) await prepare(name);
      await prepare('objects', 'second');
      admin = { ...database, ...ADMIN };
      server = await startTestServer();
      await configure(server.client, {
        host: admin.host,
        port: admin.port,
        username: admin.user,
        password: admin.password,
        db: admin.database,
      });
    });
    after(async () => {
      await server.close();
      await database.stop();
    });

    async function prepare(label: string, inDatabase = database.database): Promise<void> {
      const sql = BLOCKS.get(label);
      assert.ok(sql !== undefined, `the page has a block "sql ${label}"`);
      const by = preparer === 'a superuser' ? database.superuser : { user: 'admin', password: 'aeon' };
      const client = await logIn(database, by.user, by.password, inDatabase);
      for (const statement of splitSql(sql)) await client.query(statement);
      await client.end();
    }

    async function runAs(user: string, sql: readonly string[], inDatabase?: string): Promise<void> {
      const client = await logIn(database, user, 'Pass-1234-word', inDatabase);
      for (const statement of sql) await client.query(statement);
      await client.end();
    }

    const revoke = (leaseId: string) => server.client.write('sys/leases/revoke', { lease_id: leaseId });

    it('is no superuser, and may only make roles', async () => {
      const [row] = await database.query(
        `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = $1`,
        [ADMIN.user],
      );
      assert.deepEqual(row, {
        rolsuper: false,
        rolcreaterole: true,
        rolcreatedb: false,
        rolreplication: false,
        rolbypassrls: false,
      });
    });

    it('issues, renews and revokes by the seed’s statements, and ends sessions', async () => {
      const issued = await issue(server.client);
      assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
      const [granted] = await database.query(`SELECT has_database_privilege($1::name, 'yugabyte', 'CREATE') AS it`, [
        issued.username,
      ]);
      assert.equal(granted?.['it'], true);
      await server.client.write('sys/leases/renew', { lease_id: issued.leaseId, increment: 7200 });
      const [role] = await database.query('SELECT rolvaliduntil FROM pg_roles WHERE rolname = $1', [issued.username]);
      assert.ok(Number(role?.['rolvaliduntil']) > Date.now() + 7_100_000, 'VALID UNTIL follows the renewal');
      const session = await logIn(database, issued.username, issued.password);
      const ended = new Promise((done) => session.once('end', done));
      await revoke(issued.leaseId);
      await ended;
      assert.equal(await roleExists(database, issued.username), false);
      assert.ok(!server.log().includes('failed to end the sessions'), 'no warning about sessions');
    });

    it('makes members of a role', async () => {
      await server.client.write('database/roles/reader', {
        db_name: 'yugabytedb',
        creation_statements: `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' IN ROLE app_readers`,
      });
      const issued = await issue(server.client, 'reader');
      const [member] = await database.query(`SELECT pg_has_role($1::name, 'app_readers', 'MEMBER') AS it`, [
        issued.username,
      ]);
      assert.equal(member?.['it'], true);
      await revoke(issued.leaseId);
      assert.equal(await roleExists(database, issued.username), false);
    });

    /** Has `grantor` give privileges to a user in both databases. */
    async function grantAs(grantor: string, username: string): Promise<void> {
      for (const name of ['yugabyte', 'second']) {
        const client = await logIn(database, ADMIN.user, ADMIN.password, name);
        if (grantor !== ADMIN.user) await client.query(`SET ROLE ${grantor}`);
        await client.query(`GRANT USAGE ON SCHEMA app TO "${username}"`);
        await client.query(`GRANT SELECT ON app.things TO "${username}"`);
        await client.end();
        const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE "${username}" GRANT SELECT ON TABLES TO app_readers`;
        await database.query(defaults, [], name);
      }
    }

    it('takes away in two databases what it gave', async () => {
      await using opened = await openYsql(admin);
      const username = await opened.database.newUser(newUser(LOGIN));
      await grantAs(ADMIN.user, username);
      await opened.database.deleteUser({ username, statements: [] });
      assert.equal(await roleExists(database, username), false);
      assert.deepEqual(opened.log, []);
    });

    it('takes away what it gave by the statements of the page, which ask for membership', async () => {
      await using opened = await openYsql(admin);
      const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT ALL ON DATABASE yugabyte TO "{{name}}"`));
      const statements = [BLOCKS.get('revocation') ?? ''];
      const withoutGrant = statements.map((sql) => sql.replace(/^GRANT .*;$/m, ''));
      await assert.rejects(opened.database.deleteUser({ username, statements: withoutGrant }), /permission denied/);
      await opened.database.deleteUser({ username, statements });
      assert.equal(await roleExists(database, username), false);
    });

    it('takes away what the owner gave only as a member of the owner', async () => {
      await using opened = await openYsql(admin);
      const username = await opened.database.newUser(newUser(LOGIN));
      await prepare('owner');
      await grantAs('app_owner', username);
      await database.query('REVOKE app_owner FROM vault_admin');
      await assert.rejects(
        opened.database.deleteUser({ username, statements: [] }),
        /privileges for schema app; privileges for table app.things.* \(SQLSTATE 2BP01\)/,
      );
      await prepare('owner');
      await opened.database.deleteUser({ username, statements: [] });
      assert.equal(await roleExists(database, username), false);
      await database.query('REVOKE app_owner FROM vault_admin');
    });

    it('refuses owned objects when told to, and drops them when told to', async () => {
      await using failing = await openYsql(admin, { owned_objects: 'fail' });
      await using dropping = await openYsql(admin, { owned_objects: 'drop' });
      const username = await failing.database.newUser(newUser(LOGIN));
      for (const name of ['yugabyte', 'second']) await runAs(username, OBJECTS, name);
      const session = await logIn(database, username, 'Pass-1234-word');
      const ended = new Promise((done) => session.once('end', done));
      await assert.rejects(
        failing.database.deleteUser({ username, statements: [] }),
        /owned_objects is "fail": in database/,
      );
      await ended;
      await assert.rejects(logIn(database, username, 'Pass-1234-word'), { code: '28000' });
      await dropping.database.deleteUser({ username, statements: [] });
      assert.equal(await roleExists(database, username), false);
      assert.deepEqual(await database.query(`SELECT 1 FROM pg_class WHERE relname LIKE 'made%'`, [], 'second'), []);
    });

    it('gives schemas, tables, views, sequences and types away with nothing more', async () => {
      await using opened = await openYsql(admin);
      const username = await opened.database.newUser(newUser(`${LOGIN}; GRANT ALL ON DATABASE yugabyte TO "{{name}}"`));
      await runAs(username, ['CREATE SCHEMA made_schema']);
      const withoutFunction = OBJECTS.filter((sql) => !sql.startsWith('CREATE FUNCTION'));
      for (const name of ['yugabyte', 'second']) await runAs(username, withoutFunction, name);
      await opened.database.deleteUser({ username, statements: [] });
      assert.equal(await roleExists(database, username), false);
      for (const name of ['yugabyte', 'second']) {
        assert.deepEqual(await ownersOf(name), ['coffer_reassigned']);
        for (const sql of ['DROP VIEW app.made_view', 'DROP TABLE app.made_table', 'DROP TYPE app.made_type'])
          await database.query(sql, [], name);
      }
      await database.query('DROP SCHEMA made_schema');
      await database.query('DROP ROLE coffer_reassigned');
    });

    it('gives functions away to a role that may make them there', async () => {
      await using opened = await openYsql(admin);
      const username = await opened.database.newUser(newUser(LOGIN));
      await runAs(username, OBJECTS);
      await assert.rejects(
        opened.database.deleteUser({ username, statements: [] }),
        /permission denied for schema app/,
      );
      await assert.rejects(logIn(database, username, 'Pass-1234-word'), { code: '28000' });
      await database.query('DROP ROLE coffer_reassigned');
      await prepare('owned');
      await opened.database.deleteUser({ username, statements: [] });
      assert.equal(await roleExists(database, username), false);
      assert.deepEqual(await ownersOf('yugabyte'), ['coffer_reassigned']);
    });

    async function ownersOf(inDatabase: string): Promise<string[]> {
      const rows = await database.query(
        `SELECT DISTINCT pg_get_userbyid(owner) AS name FROM (
           SELECT relowner AS owner FROM pg_class WHERE relname LIKE 'made%'
           UNION ALL SELECT proowner FROM pg_proc WHERE proname LIKE 'made%'
           UNION ALL SELECT typowner FROM pg_type WHERE typname LIKE 'made%'
           UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname LIKE 'made%') AS objects`,
        [],
        inDatabase,
      );
      return rows.map((row) => String(row['name']));
    }
  });
}

describe('an admin without the grant option', () => {
  it('gives nothing, and nobody says so but the page', async () => {
    const database = await startPostgres();
    await database.query(`CREATE ROLE vault_admin LOGIN CREATEROLE PASSWORD 'change-me'`);
    {
      await using opened = await openYsql({ ...database, ...ADMIN });
      const grant = `${LOGIN.replace(' IN ROLE app_makers', '')}; GRANT ALL ON DATABASE yugabyte TO "{{name}}"`;
      const username = await opened.database.newUser(newUser(grant));
      const [granted] = await database.query(`SELECT has_database_privilege($1::name, 'yugabyte', 'CREATE') AS it`, [
        username,
      ]);
      assert.equal(granted?.['it'], false);
    }
    await database.stop();
  });
});
