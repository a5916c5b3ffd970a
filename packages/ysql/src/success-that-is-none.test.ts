/** What statements may fail to do without an error of the database's: make the login, grant what they say, end the login. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret } from '@coffer/base';
import { startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';
import { createThings, logIn, newUser, type Opened, openYsql, roleExists } from './ysql-fixture.ts';

const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;

let server: TestPostgres;
before(async () => {
  server = await startPostgres({ authMethod: 'md5' });
  await createThings(server);
  await server.query('CREATE ROLE group_of_some NOLOGIN');
  await server.query(`GRANT group_of_some TO ${server.user} WITH ADMIN OPTION`);
  await server.query('CREATE TABLE not_ours (id int); REVOKE ALL ON not_ours FROM PUBLIC');
  await server.query('CREATE ROLE owner_of_some; ALTER TABLE not_ours OWNER TO owner_of_some');
});
after(() => server.stop());

const roles = async (): Promise<readonly unknown[]> =>
  (await server.query(`SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1`)).map((row) => row['rolname']);

let counter = 0;
const nextName = (): string => `none-${++counter}`;

for (const mode of ['postgresql', 'yugabytedb'] as const) {
  describe(`statements, ${mode}`, () => {
    let proxy: WireProxy;
    let opened: Opened;
    before(async () => {
      proxy = await startWireProxy({ target: server, mode });
      opened = await openYsql({ ...server, port: proxy.port });
    });
    after(async () => {
      await opened.database.close();
      await proxy.stop();
    });
    const logged = (from: number): readonly string[] => opened.log.slice(from).map(({ message }) => message);

    describe('that create no login of the name', () => {
      const noRole =
        /the creation statements ran, but there is no role "none-\d+": make sure that they create "\{\{name\}\}"$/;
      const noLogin =
        /the creation statements created the role "none-\d+", but it may not log in: make sure that they say LOGIN$/;
      const ended = /the role "none-\d+", but it may not log in: its VALID UNTIL has already passed$/;
      const closed = /the role "none-\d+", but it may not log in: its CONNECTION LIMIT is 0$/;
      const cases: readonly (readonly [string, string | readonly string[], RegExp])[] = [
        ['but another', `CREATE ROLE Foo LOGIN PASSWORD '{{password}}'`, noRole],
        ['but one with the name in its own', `CREATE USER "app {{name}}" PASSWORD '{{password}}'`, noRole],
        ['but one by a placeholder of something else', `CREATE ROLE "\${name}" LOGIN PASSWORD '{{password}}'`, noRole],
        ['but several others', [`CREATE ROLE foo`, 'CREATE ROLE "b""ar" LOGIN IN ROLE foo'], noRole],
        ['but grant something', 'GRANT SELECT ON things TO group_of_some', noRole],
        ['but select', 'SELECT 1', noRole],
        ['but one in code', `DO $$ BEGIN CREATE ROLE in_code LOGIN; DROP ROLE in_code; END $$`, noRole],
        ['because they drop it', [LOGIN, 'DROP ROLE "{{name}}"'], noRole],
        ['because they rename it', [LOGIN, 'ALTER ROLE "{{name}}" RENAME TO renamed', 'DROP ROLE renamed'], noRole],
        ['for want of LOGIN', `CREATE ROLE "{{name}}" PASSWORD '{{password}}'`, noLogin],
        ['because of NOLOGIN', `CREATE USER "{{name}}" NOLOGIN PASSWORD '{{password}}'`, noLogin],
        ['because they take it back', [LOGIN, 'ALTER ROLE "{{name}}" NOLOGIN'], noLogin],
        ['because it has ended already', `${LOGIN} VALID UNTIL '2001-01-01'`, ended],
        ['because they end it', [LOGIN, `ALTER ROLE "{{name}}" VALID UNTIL '-infinity'`], ended],
        ['because it may have no connection', `${LOGIN} CONNECTION LIMIT 0`, closed],
        ['because they close it', [LOGIN, 'ALTER ROLE "{{name}}" CONNECTION LIMIT 0'], closed],
        ['but a member of a role called login', 'CREATE ROLE "{{name}}" IN ROLE group_of_some, login', noLogin],
      ];
      for (const [name, statements, message] of cases) {
        it(name, async () => {
          await server.query('CREATE ROLE login');
          const before_ = await roles();
          await assert.rejects(opened.database.newUser(newUser(statements, { username: nextName() })), {
            code: 'failed',
            message,
          });
          assert.deepEqual(await roles(), before_);
          await server.query('DROP ROLE login');
        });
      }

      it('but what was there before stays', async () => {
        await server.query('CREATE ROLE was_there');
        const statements = [`CREATE ROLE was_there`, LOGIN];
        await assert.rejects(opened.database.newUser(newUser(statements)), /role "was_there" already exists/);
        await assert.rejects(opened.database.newUser(newUser('ALTER ROLE was_there LOGIN')), /there is no role/);
        assert.ok(await roleExists(server, 'was_there'));
        await server.query('DROP ROLE was_there');
      });
      it('after a role of their own leave neither', async () => {
        const before_ = await roles();
        const statements = ['CREATE ROLE "of_their own"', LOGIN, 'SELECT 1/0'];
        await assert.rejects(opened.database.newUser(newUser(statements)), /division by zero/);
        assert.deepEqual(await roles(), before_);
      });
    });

    describe('that create a login', () => {
      for (const [name, statements] of [
        ['as a role', LOGIN],
        ['as a user', `CREATE USER "{{username}}" PASSWORD '{{password}}'`],
        ['in a role called login', [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' IN ROLE group_of_some`]],
        [
          'in code',
          `DO $$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', '{{name}}', '{{password}}'); END $$`,
        ],
        ['in the end', [`CREATE ROLE "{{name}}" PASSWORD '{{password}}'`, 'ALTER ROLE "{{name}}" LOGIN']],
        ['with an end and a limit', `${LOGIN} VALID UNTIL '2100-01-01' CONNECTION LIMIT 10`],
        ['without either', `${LOGIN} VALID UNTIL 'infinity' CONNECTION LIMIT -1`],
        ['along a search path of their own', [LOGIN, 'SET search_path TO public', 'SELECT 1']],
        [
          'with braces of arrays and JSON',
          [LOGIN, `SELECT '{{1,2},{3,4}}'::int[], '{"a":{"b":1}}'::jsonb, '{{"a"}}'::text[]`],
        ],
      ] as const) {
        it(name, async () => {
          const username = await opened.database.newUser(newUser(statements, { username: nextName() }));
          await (await logIn(server, username, 'Pass-1234-word')).end();
          await opened.database.deleteUser({ username, statements: [] });
        });
      }

      it('are looked at in a packet that is sent anyway, and only where they may have made none', async () => {
        const sent = async (statements: string | readonly string[]): Promise<readonly string[]> => {
          const from = proxy.statements.length;
          const username = await opened.database.newUser(newUser(statements));
          const texts = proxy.statements.slice(from).map(({ sql }) => sql);
          await opened.database.deleteUser({ username, statements: [] });
          return texts.filter((sql) => sql.includes('rolcanlogin'));
        };
        assert.deepEqual(await sent([LOGIN, 'GRANT group_of_some TO "{{name}}"']), []);
        assert.deepEqual(await sent(`${LOGIN} VALID UNTIL '{{expiration}}' CONNECTION LIMIT 10`), []);
        assert.equal((await sent(`${LOGIN} VALID UNTIL '2100-01-01'`)).length, 1);
        assert.equal((await sent([LOGIN, 'SELECT 1'])).length, 1);
      });
    });

    describe('with an unknown placeholder', () => {
      const refused = (field: string, placeholder: string) => ({
        code: 'invalid-request',
        message: new RegExp(`^${field}: .*${placeholder.replace(/[{}]/g, '\\$&')}.*; the placeholders of`),
      });
      it('are refused before anything is done', async () => {
        const username = await opened.database.newUser(newUser(LOGIN));
        const from = proxy.statements.length;
        const { database } = opened;
        await assert.rejects(
          database.newUser(newUser([LOGIN, 'GRANT group_of_some TO "{{nmae}}"'])),
          refused('creation_statements', '{{nmae}}'),
        );
        await assert.rejects(
          database.newUser(newUser(LOGIN, { rollbackStatements: ['DROP ROLE "{{Name}}"'] })),
          refused('rollback_statements', '{{Name}}'),
        );
        const password = {
          newPassword: new Secret('Other-1'),
          statements: [`ALTER ROLE "{{ name }}" PASSWORD '{{password}}'`],
        };
        await assert.rejects(database.updateUser({ username, password }), refused('rotation_statements', '{{ name }}'));
        const expiration = {
          newExpiration: new Date(),
          statements: [`ALTER ROLE "{{name}}" VALID UNTIL '{{expires}}'`],
        };
        await assert.rejects(database.updateUser({ username, expiration }), refused('renew_statements', '{{expires}}'));
        assert.deepEqual(proxy.statements.slice(from), []);
        await database.deleteUser({ username, statements: [] });
      });
      it('end a login in our own way where it is revoked, and the log says so', async () => {
        for (const statements of [
          ['DROP ROLE "{{nmae}}"'],
          [`ALTER ROLE "{{name}}" NOLOGIN PASSWORD '{{password}}'`],
          ['DROP ROLE "{{name}}'],
        ]) {
          const username = await opened.database.newUser(newUser(LOGIN));
          const from = opened.log.length;
          await opened.database.deleteUser({ username, statements });
          assert.equal(await roleExists(server, username), false);
          assert.match(
            logged(from).join('\n'),
            /^revocation_statements: .*; dropping the user as if there were no revocation statements$/,
          );
        }
      });
    });

    it('that revoke nothing are told of', async () => {
      const username = await opened.database.newUser(newUser(LOGIN));
      const from = opened.log.length;
      const revoke = (statement: string) => opened.database.deleteUser({ username, statements: [statement] });
      await revoke('SELECT 1');
      const told = 'revocation_statements: the role still exists and, according to pg_roles, may log in';
      assert.deepEqual(logged(from), [told]);
      await revoke(`ALTER ROLE "{{name}}" VALID UNTIL '2001-01-01'`);
      await revoke('ALTER ROLE "{{name}}" CONNECTION LIMIT 0');
      await revoke('ALTER ROLE "{{name}}" NOLOGIN');
      await revoke('DROP ROLE "{{name}}"');
      assert.deepEqual(logged(from), [told]);
    });
  });
}

describe('what the database warns of', () => {
  /** By an admin who is no superuser, so that there is something that it cannot grant. */
  const asAdmin = async (work: (opened: Opened) => Promise<void>): Promise<void> => {
    await server.query(`CREATE ROLE plain_admin LOGIN CREATEROLE PASSWORD 'Admin-1'`);
    // May see the table and hand one privilege on, and no other.
    await server.query(
      'GRANT SELECT ON not_ours TO plain_admin; GRANT INSERT ON not_ours TO plain_admin WITH GRANT OPTION',
    );
    try {
      await using opened = await openYsql({ ...server, user: 'plain_admin', password: 'Admin-1' });
      await work(opened);
    } finally {
      await server.query('DROP OWNED BY plain_admin; DROP ROLE plain_admin');
    }
  };
  const none = 'creation_statements: WARNING: no privileges were granted for "not_ours" (SQLSTATE 01007)';
  const some = 'creation_statements: WARNING: not all privileges were granted for "not_ours" (SQLSTATE 01007)';

  it('is told to whoever asked, and in the log', async () => {
    await asAdmin(async ({ database, log }) => {
      for (const [grant, warning] of [
        ['GRANT SELECT ON not_ours TO "{{name}}"', none],
        ['GRANT SELECT, INSERT ON not_ours TO "{{name}}"', some],
      ] as const) {
        // Two ways to run them: with others, and alone.
        for (const statements of [
          [LOGIN, grant],
          [LOGIN, grant, 'SELECT 1'],
        ]) {
          const told: string[] = [];
          const from = log.length;
          const username = await database.newUser(newUser(statements, { warn: (text) => told.push(text) }));
          assert.deepEqual(told, [warning]);
          assert.deepEqual(
            log.slice(from).map(({ level, message }) => [level, message]),
            [['warn', warning]],
          );
          await database.deleteUser({ username, statements: [] });
        }
      }
    });
  });
  it('is told of the user whose statements it was', async () => {
    await asAdmin(async ({ database }) => {
      const { told, names } = { told: new Map<number, string[]>(), names: [] as string[] };
      await Promise.all(
        Array.from({ length: 24 }, async (_, at) => {
          const own: string[] = [];
          told.set(at, own);
          const privilege = at % 3 === 0 ? 'SELECT' : 'INSERT';
          const statements = [LOGIN, `GRANT ${privilege} ON not_ours TO "{{name}}"`];
          names.push(await database.newUser(newUser(statements, { warn: (text) => own.push(text) })));
        }),
      );
      for (const [at, own] of told) assert.deepEqual(own, at % 3 === 0 ? [none] : [], String(at));
      for (const username of names) await database.deleteUser({ username, statements: [] });
    });
  });
  it('at a renewal and a rotation as well', async () => {
    await asAdmin(async ({ database }) => {
      const username = await database.newUser(newUser(LOGIN));
      const told: string[] = [];
      const warn = (text: string): unknown => told.push(text);
      const revoke = 'REVOKE USAGE ON SCHEMA public FROM "{{name}}"';
      await database.updateUser({ username, expiration: { newExpiration: new Date(), statements: [revoke] }, warn });
      const statements = [`ALTER ROLE "{{name}}" PASSWORD '{{password}}'`, revoke];
      await database.updateUser({ username, password: { newPassword: new Secret('Other-1'), statements }, warn });
      const text = 'WARNING: no privileges could be revoked for "public" (SQLSTATE 01006)';
      assert.deepEqual(told, [`renew_statements: ${text}`, `rotation_statements: ${text}`]);
      await database.deleteUser({ username, statements: [] });
    });
  });

  const toldOf = async (...statements: readonly string[]): Promise<readonly string[]> => {
    await using opened = await openYsql(server);
    const told: string[] = [];
    const asked = newUser([LOGIN, ...statements], { warn: (text) => told.push(text) });
    const username = await opened.database.newUser(asked);
    await opened.database.deleteUser({ username, statements: [] });
    assert.deepEqual(
      opened.log.map(({ message }) => message),
      told,
    );
    return told;
  };

  it('is a warning, and not what it merely mentions', async () => {
    const twice = 'GRANT group_of_some TO "{{name}}"';
    assert.deepEqual(await toldOf(twice, twice), []);
    assert.deepEqual(await toldOf('DROP TABLE IF EXISTS nowhere', "DO $$ BEGIN RAISE NOTICE 'x'; END $$"), []);
    assert.deepEqual(await toldOf("DO $$ BEGIN RAISE WARNING 'mind the %', 'gap'; END $$"), [
      'creation_statements: WARNING: mind the gap (SQLSTATE 01000)',
    ]);
  });
  it('shows no secret', async () => {
    assert.deepEqual(await toldOf(`DO $$ BEGIN RAISE WARNING 'it is % for you', '{{password}}'; END $$`), [
      'creation_statements: WARNING: it is [password] for you (SQLSTATE 01000)',
    ]);
  });
  it('is bounded in number and length, and told once', async () => {
    const raise = (many: string): string => `DO $$ BEGIN FOR i IN 1..500 LOOP RAISE WARNING ${many}; END LOOP; END $$`;
    const told = await toldOf(raise("'number %', i"));
    assert.equal(told.length, 11);
    assert.equal(told[9], 'creation_statements: WARNING: number 10 (SQLSTATE 01000)');
    assert.match(told[10] ?? '', /more warnings/);
    assert.equal((await toldOf(raise("'the same'"))).length, 2);
    const long = await toldOf(`DO $$ BEGIN RAISE WARNING '%', repeat('x', 5000); END $$`);
    assert.deepEqual(long, [
      'creation_statements: WARNING: a warning of 5000 characters was left out (SQLSTATE 01000)',
    ]);
  });
});
