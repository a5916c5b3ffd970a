/** What the statements of a role see of the session, and what they leave to ours. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret } from '@coffer/base';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { newUser, openYsql, roleExists, SEED_SQL } from '../ysql-fixture.ts';

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
  await server.query(`CREATE SCHEMA app`);
  await server.query(`GRANT USAGE ON SCHEMA app TO ${server.user} WITH GRANT OPTION`);
  // What our next statements would find, were they left a search path.
  await server.query(`CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
    CREATE TABLE evil.calls (what text); GRANT ALL ON evil.calls TO PUBLIC; CREATE TABLE evil.pg_roles (oid oid, rolname name);
    CREATE FUNCTION evil.same(name, text) RETURNS boolean LANGUAGE plpgsql AS
      $f$ BEGIN INSERT INTO evil.calls VALUES ('='); RETURN false; END $f$;
    CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.same);
    CREATE FUNCTION evil.same(oid, oid) RETURNS boolean LANGUAGE plpgsql AS
      $f$ BEGIN INSERT INTO evil.calls VALUES ('='); RETURN false; END $f$;
    CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.same)`);
  await server.query(`ALTER ROLE ${server.user} SET search_path = app, public`);
  await server.query(`GRANT pg_monitor TO ${server.user}`);
});
after(() => server.stop());

describe('a custom statement', () => {
  const CHECK = `DO $check$ BEGIN
    IF current_setting('search_path') <> 'app, public' OR current_setting('standard_conforming_strings') <> 'on'
       OR current_setting('timezone') <> 'UTC' OR current_setting('datestyle') <> 'ISO, MDY' THEN
      RAISE 'path %, strings %, zone %', current_setting('search_path'), current_setting('standard_conforming_strings'), current_setting('timezone');
    END IF; END $check$`;

  it("sees the admin's own search path, and else our settings, in each kind", async () => {
    await using opened = await openYsql(server);
    const { database } = opened;
    const username = await database.newUser(newUser([`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`, CHECK]));
    const expiration = { newExpiration: new Date(Date.now() + 7.2e6) };
    for (const statements of [[CHECK], [CHECK, CHECK]]) {
      await database.updateUser({ username, expiration: { ...expiration, statements } });
      await database.updateUser({ username, password: { newPassword: new Secret('other'), statements } });
    }
    await database.deleteUser({ username, statements: [CHECK, 'DROP ROLE "{{name}}"'] });
    assert.ok(!(await roleExists(server, username)));
  });

  it('finds a table by that path when it only grants, alone or with others', async () => {
    await server.query('CREATE TABLE IF NOT EXISTS app.reached (id int)');
    await server.query(`GRANT ALL ON app.reached TO ${server.user} WITH GRANT OPTION`);
    await using opened = await openYsql(server);
    const { database } = opened;
    const creation = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; GRANT SELECT ON reached TO "{{name}}"`;
    const names = await Promise.all(Array.from({ length: 6 }, () => database.newUser(newUser(creation))));
    await database.updateUser({
      username: names[0] ?? '',
      password: { newPassword: new Secret('x'), statements: ['GRANT INSERT ON reached TO "{{name}}"'] },
    });
    for (const username of names) await database.deleteUser({ username, statements: [] });
  });

  const LEAVING: Readonly<Record<string, readonly string[]>> = {
    'another path': ['SET search_path = evil, pg_catalog'],
    'other strings': ['SET standard_conforming_strings = off'],
    'another role': ['SET ROLE pg_monitor'],
    'other rules for transactions': ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'],
    'a temporary table named as one of the catalog': ['CREATE TEMPORARY TABLE pg_roles (oid oid, rolname name)'],
    'a prepared statement and a channel': ['PREPARE p AS SELECT 1', 'LISTEN somewhere'],
    'a setting by a function': [`SELECT set_config('search_path', 'evil', false)`],
    'a setting and an error': [
      'SET search_path = evil, pg_catalog',
      'COMMIT',
      `DO $$ BEGIN RAISE 'as it must'; END $$`,
    ],
    'a transaction block': ['COMMIT', 'BEGIN', 'SET search_path = evil, pg_catalog', 'COMMIT', 'BEGIN'],
    'a lock': ['SELECT pg_advisory_lock(7)'],
  };
  for (const [what, left] of Object.entries(LEAVING)) {
    it(`leaves nothing to our next statement: ${what}`, async () => {
      await using opened = await openYsql(server, { max_open_connections: 1 });
      const { database } = opened;
      const username = await database.newUser(newUser(SEED_SQL));
      for (const statements of [left, left.slice(0, 1)]) {
        await database
          .updateUser({ username, password: { newPassword: new Secret('x'), statements: [...statements] } })
          .catch((error: unknown) => assert.match(String(error), /as it must/));
        await database
          .deleteUser({ username, statements: [...statements] })
          .catch((error: unknown) => assert.match(String(error), /as it must/));
        assert.ok(await roleExists(server, username));
        // Any function that looks for what is left would be one more custom statement: the server is asked from outside.
        const [at] = await server.query(
          `SELECT count(*)::int AS locks FROM pg_locks WHERE locktype = 'advisory' AND objid = 7`,
        );
        assert.deepEqual(at, { locks: 0 });
      }
      const second = await database.newUser(newUser(SEED_SQL, { username: 'second' }));
      assert.equal(await database.verifyUser?.(second, new Secret('Pass-1234-word')), 'accepted');
      for (const name of [username, second]) {
        await database.deleteUser({ username: name, statements: [] });
        assert.ok(!(await roleExists(server, name)));
      }
      assert.deepEqual(await server.query('SELECT * FROM evil.calls'), []);
    });
  }

  const LONG: Readonly<Record<string, string>> = {
    'of many rows': 'SELECT g FROM generate_series(1, 2000000) AS g',
    'of one long value': `SELECT repeat('x', 20000000)`,
    'of copied rows': 'COPY (SELECT g FROM generate_series(1, 3000000) AS g) TO STDOUT',
  };
  for (const [what, sql] of Object.entries(LONG)) {
    it(`is cut off when its answer is long, once and for all, and its session is used no more: ${what}`, async () => {
      await using opened = await openYsql(server, { max_open_connections: 1 });
      const { database } = opened;
      const username = await database.newUser(newUser(SEED_SQL));
      for (const statements of [[sql], ['SELECT 1', sql]]) {
        await server.query('CREATE SEQUENCE IF NOT EXISTS app.tries; GRANT ALL ON app.tries TO PUBLIC');
        const counted = ['SELECT nextval($$app.tries$$)', ...statements];
        const long = { username, password: { newPassword: new Secret('Other-1'), statements: counted } };
        await assert.rejects(database.updateUser(long), /the answer is longer than 8 MiB/);
        const [tries] = await server.query('SELECT last_value::int AS last FROM app.tries');
        assert.deepEqual(tries, { last: 1 });
        await server.query('DROP SEQUENCE app.tries');
      }
      await database.updateUser({ username, password: { newPassword: new Secret('Other-2'), statements: [] } });
      assert.equal(await database.verifyUser?.(username, new Secret('Other-2')), 'accepted');
      await database.deleteUser({ username, statements: [] });
    });
  }

  it('that turns standard_conforming_strings off makes no second role of a name', async () => {
    await using opened = await openYsql(server);
    const statements = [
      `CREATE ROLE "{{name}}" LOGIN`,
      'SET standard_conforming_strings = off',
      `COMMENT ON ROLE "{{name}}" IS '{{name}}'`,
    ];
    const username = await opened.database.newUser(newUser(statements, { username: `\\'; CREATE ROLE extra; --` }));
    assert.ok(!(await roleExists(server, 'extra')));
    await opened.database.deleteUser({ username, statements: [] });
  });
});
