/** Issue, renew, rotate, revoke and look for nodes in a database where somebody else may create, and has set the defaults. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret } from '@coffer/base';
import { makeAdmin, startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';
import { createThings, logIn, newUser, type Opened, openYsql, roleExists, SEED_SQL } from './ysql-fixture.ts';
import { unqualified } from './sql/unqualified-names-fixture.ts';

/**
 * Plants a function of the same name and arguments as each that we call, and of the arguments that a search for the best match
 * would rather take. Each tries what an attacker is after.
 */
const FUNCTIONS = [
  ['yb_servers()', 'TABLE (host text)'],
  ['current_setting(text)', 'text'],
  ['current_setting(text, boolean)', 'text'],
  ['set_config(text, text, boolean)', 'text'],
  ['pg_advisory_xact_lock(bigint)', 'void'],
  ['pg_try_advisory_xact_lock(bigint)', 'boolean'],
  ['txid_current_if_assigned()', 'bigint'],
  ['to_regrole(text)', 'regrole'],
  ['pg_has_role(name, oid, text)', 'boolean'],
  ['pg_has_role(name, name, text)', 'boolean'],
  ['concat_ws(text, oid, oid, oid, "char")', 'text'],
  ['current_database()', 'name'],
  ['pg_terminate_backend(integer)', 'boolean'],
  ['pg_backend_pid()', 'integer'],
  ['pg_stat_get_activity(integer)', 'TABLE (usesysid oid, pid integer)'],
  ['pg_describe_object(oid, oid, integer)', 'text'],
] as const;
const RELATIONS = ['pg_roles', 'pg_authid', 'pg_shdepend', 'pg_database', 'pg_stat_activity'];
const OPERATORS = [
  ['=', 'name', 'text'],
  ['=', 'name', 'name'],
  ['=', 'oid', 'oid'],
  ['=', 'oid', 'integer'],
  ['=', '"char"', 'text'],
  ['=', 'name', 'varchar'],
  ['<>', 'integer', 'integer'],
  ['/', 'integer', 'integer'],
] as const;

function planted(schema: string): string {
  const attack = `INSERT INTO ${schema}.calls VALUES (TG_NAME); EXECUTE 'ALTER ROLE mallory CREATEROLE';`;
  const body = (what: string): string =>
    `LANGUAGE plpgsql AS $f$ BEGIN ${attack.replace('TG_NAME', `'${what.replaceAll("'", "''")}'`)} RETURN NULL; END $f$`;
  const rows = (what: string): string => body(what).replace('RETURN NULL;', 'RETURN;');
  return [
    `CREATE TABLE ${schema}.calls (what text)`,
    `GRANT ALL ON ${schema}.calls TO PUBLIC`,
    ...FUNCTIONS.map(
      ([call, returns]) =>
        `CREATE FUNCTION ${schema}.${call} RETURNS ${returns} ${returns === 'void' || returns.startsWith('TABLE') ? rows(call) : body(call)}`,
    ),
    ...OPERATORS.flatMap(([name, left, right], at) => [
      `CREATE FUNCTION ${schema}.op${at}(${left}, ${right}) RETURNS boolean ${body(name)}`,
      `CREATE OPERATOR ${schema}.${name} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = ${schema}.op${at})`,
    ]),
    ...RELATIONS.map((name) => `CREATE TABLE ${schema}.${name} (oid oid, rolname name, rolsuper boolean)`),
    ...RELATIONS.map((name) => `GRANT ALL ON ${schema}.${name} TO PUBLIC`),
    ...['text', 'name', 'oid', 'int4', 'regclass'].map(
      (type) => `CREATE DOMAIN ${schema}.${type} AS pg_catalog.text CHECK (false)`,
    ),
  ].join(';\n');
}

let server: TestPostgres;
let proxy: WireProxy;
before(async () => {
  server = await startPostgres();
  proxy = await startWireProxy({ target: server });
  await createThings(server);
  await server.query(`CREATE ROLE mallory LOGIN PASSWORD 'mallory'`);
  await server.query('GRANT CREATE, USAGE ON SCHEMA public TO mallory');
  await server.query(`GRANT CREATE ON DATABASE ${server.database} TO mallory`);
  const mallory = await logIn(server, 'mallory', 'mallory', server.database);
  await mallory.query(planted('public'));
  await mallory.query('CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO PUBLIC');
  await mallory.query(planted('evil'));
  await mallory.end();
});
after(async () => {
  await proxy.stop();
  await server.stop();
});

async function assertNothingCalled(): Promise<void> {
  for (const schema of ['public', 'evil'])
    assert.deepEqual(await server.query(`SELECT * FROM ${schema}.calls`), [], schema);
  assert.deepEqual(await server.query(`SELECT rolcreaterole FROM pg_roles WHERE rolname = 'mallory'`), [
    { rolcreaterole: false },
  ]);
}

const through = () => ({ ...server, host: proxy.host, port: proxy.port });
const password = (text: string) => ({ newPassword: new Secret(text), statements: [] });

/** Every way in which we send SQL of our own. */
async function everything({ database }: Opened): Promise<void> {
  const seed = await database.newUser(newUser(SEED_SQL));
  await database.updateUser({
    username: seed,
    expiration: { newExpiration: new Date(Date.now() + 7.2e6), statements: [] },
  });
  await database.updateUser({ username: seed, password: password('Changed-1') });
  assert.equal(await database.verifyUser?.(seed, new Secret('Changed-1')), 'accepted');
  const named = await database.newUser(
    newUser(`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`, { username: 'by-name' }),
  );
  const onTable = await database.newUser(newUser(`${SEED_SQL} GRANT SELECT ON public.things TO "{{username}}";`));
  const owner = await database.newUser(newUser(`${SEED_SQL} GRANT CREATE ON SCHEMA app TO "{{username}}";`));
  const client = await logIn(server, owner, 'Pass-1234-word', server.database);
  await client.query('CREATE TABLE app.owned (id int)');
  for (const username of [seed, named, onTable, owner]) {
    await database.deleteUser({ username, statements: [] });
    assert.ok(!(await roleExists(server, username)), username);
  }
  await server.query('DROP TABLE IF EXISTS app.owned');
  await assert.rejects(
    database.newUser(
      newUser([`CREATE ROLE "{{name}}" LOGIN`, `GRANT nobody_here TO "{{name}}"`], { rollbackStatements: [] }),
    ),
    /nobody_here/,
  );
}

describe('what somebody planted', () => {
  before(async () => {
    await server.query('CREATE SCHEMA app');
    await server.query(`GRANT ALL ON SCHEMA app TO ${server.user} WITH GRANT OPTION`);
  });

  for (const owned_objects of ['reassign', 'drop'] as const) {
    it(`is never called: with ${owned_objects}`, async () => {
      for (const load_balance of ['false', 'true']) {
        await using opened = await openYsql(through(), { load_balance, owned_objects, yb_servers_refresh_interval: 0 });
        await everything(opened);
      }
      await assertNothingCalled();
    });
  }

  it('is never called on a server without yb_servers()', async () => {
    const plain = await startPostgres({ ybServers: false });
    await plain.query(`CREATE ROLE mallory LOGIN PASSWORD 'mallory'`);
    await plain.query('GRANT CREATE ON SCHEMA public TO mallory');
    const mallory = await logIn(plain, 'mallory', 'mallory', plain.database);
    await mallory.query(planted('public'));
    await mallory.end();
    await using opened = await openYsql(plain);
    const username = await opened.database.newUser(newUser(SEED_SQL));
    await opened.database.deleteUser({ username, statements: [] });
    assert.deepEqual(await plain.query('SELECT * FROM public.calls'), []);
    await plain.stop();
  });

  it('is never called when a root password is rotated', async () => {
    await makeAdmin(server, { user: 'rotated_admin', password: 'rotated_admin' });
    await using opened = await openYsql({ ...through(), user: 'rotated_admin', password: 'rotated_admin' });
    await opened.database.updateUser({ username: 'rotated_admin', password: password('By-rotation-1') });
    await (await logIn(server, 'rotated_admin', 'By-rotation-1', server.database)).end();
    await assertNothingCalled();
  });

  it('stands behind names that we always write with their schema', () => {
    const bad = `SELECT count(*), oid::text FROM pg_roles JOIN public.x ON f(1); SELECT pg_catalog.count(*) FROM pg_catalog.pg_roles`;
    assert.deepEqual(unqualified(bad), ['count()', '::text', 'FROM pg_roles', 'JOIN public', 'f()']);
    const selects = proxy.statements.map(({ sql }) => sql).filter((sql) => /^\s*SELECT/im.test(sql));
    assert.ok(selects.length > 20);
    assert.deepEqual(selects.flatMap(unqualified), []);
  });
});

describe('defaults of the database and of the role', () => {
  const HOSTILE = [
    'search_path = evil, public, pg_catalog',
    'standard_conforming_strings = off',
    'backslash_quote = on',
    'quote_all_identifiers = on',
    'transform_null_equals = on',
    'row_security = off',
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'sql_standard'",
    "timezone = 'Asia/Tokyo'",
    "client_encoding = 'LATIN1'",
    "default_transaction_isolation = 'serializable'",
    'default_transaction_read_only = on',
    'default_transaction_deferrable = on',
    'statement_timeout = 1',
    'role = mallory',
  ];
  for (const [name, target] of [
    ['the database', 'DATABASE yugabyte'],
    ['the role', 'ROLE yugabyte'],
  ] as const) {
    it(`do not reach our statements: of ${name}`, async () => {
      await server.query(`GRANT mallory TO ${server.user}`);
      // Over a connection to another database, which is not subject to what it sets.
      const admin = await logIn(server, 'postgres', 'postgres', 'postgres');
      for (const setting of HOSTILE) await admin.query(`ALTER ${target} SET ${setting}`);
      try {
        for (const statement_timeout of ['30s', '0']) {
          await using opened = await openYsql(through(), { statement_timeout, load_balance: 'true' });
          const made = await opened.database.newUser(
            newUser(`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; GRANT pg_monitor TO "{{name}}"`, {
              username: `\\'; CREATE ROLE extra; --é`,
              password: new Secret(`\\'; CREATE ROLE extra; --`),
            }),
          );
          await opened.database.updateUser({
            username: made,
            expiration: {
              newExpiration: new Date('2031-02-03T04:05:06Z'),
              statements: [
                `ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`,
                `COMMENT ON ROLE "{{name}}" IS '{{name}}'`,
              ],
            },
          });
          const [role] = await admin
            .query<Record<string, unknown>>(
              `SELECT extract(epoch FROM rolvaliduntil)::int8 AS until, shobj_description(oid, 'pg_authid') AS note FROM pg_roles WHERE rolname = $1`,
              [made],
            )
            .then(({ rows }) => rows);
          assert.deepEqual(role, { until: String(Date.parse('2031-02-03T04:05:06Z') / 1000), note: made });
          await opened.database.deleteUser({ username: made, statements: [] });
          const { rows } = await admin.query(`SELECT rolname FROM pg_roles WHERE rolname IN ('extra', $1)`, [made]);
          assert.deepEqual(rows, []);
        }
      } finally {
        await admin.query(`ALTER ${target} RESET ALL`);
        await admin.query(`REVOKE mallory FROM ${server.user}`);
        await admin.end();
      }
      await assertNothingCalled();
    });
  }

  it('are of no account when ours cannot be set: then there is no connection', async () => {
    const fault = { match: /^SET statement_timeout = \d+; SET ROLE NONE; SET search_path/, times: 1 };
    const refused = { type: 'error', sqlstate: '42501', message: 'permission denied to set it' } as const;
    proxy.addFault({ ...fault, action: refused });
    await assert.rejects(openYsql(through()), /failed to connect to .*permission denied to set it/);
    proxy.clearFaults();
  });

  it('do not silence what the database warns of, and neither does the connection_url', async () => {
    const { user, password: secret, host, port, database: db } = server;
    const grant = `DO $$ BEGIN RAISE WARNING 'no privileges were granted' USING ERRCODE = '01007'; END $$`;
    await server.query(`ALTER DATABASE ${db} SET client_min_messages TO error`);
    for (const more of ['', 'client_min_messages=error', "options='-c client_min_messages=panic'"]) {
      const connection_url = `host=${host} port=${port} dbname=${db} user=${user} password='${secret}' ${more}`;
      await using opened = await openYsql(server, { connection_url });
      const told: string[] = [];
      const asked = newUser([`CREATE ROLE "{{name}}" LOGIN`, grant], { warn: (text) => told.push(text) });
      await opened.database.deleteUser({ username: await opened.database.newUser(asked), statements: [] });
      assert.deepEqual(told, ['creation_statements: WARNING: no privileges were granted (SQLSTATE 01007)'], more);
    }
    await server.query(`ALTER DATABASE ${db} RESET client_min_messages`);
  });

  it('give way to the connection_url for the role and the search path of custom statements', async () => {
    await server.query('CREATE SCHEMA chosen');
    await server.query('CREATE TABLE chosen.seen (who name, path text)');
    await server.query('CREATE ROLE acting CREATEROLE');
    await server.query(`GRANT acting TO ${server.user}`);
    await server.query('GRANT ALL ON SCHEMA chosen TO acting; GRANT ALL ON chosen.seen TO acting');
    const { user, password: secret } = server;
    for (const query of ['role=acting&search_path=chosen', 'options=-c%20role%3Dacting%20--search-path%3Dchosen']) {
      const connection_url = `postgres://${user}:${secret}@${proxy.host}:${proxy.port}/${server.database}?${query}`;
      await using opened = await openYsql(server, { connection_url });
      const username = await opened.database.newUser(
        newUser([
          `CREATE ROLE "{{name}}" LOGIN`,
          `INSERT INTO seen VALUES (current_user, current_setting('search_path'))`,
        ]),
      );
      await opened.database.deleteUser({ username, statements: [] });
      assert.deepEqual(await server.query('DELETE FROM chosen.seen RETURNING *'), [{ who: 'acting', path: 'chosen' }]);
    }
  });
});
