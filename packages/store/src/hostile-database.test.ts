/** The store in a database where somebody else may create, too. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import pg from 'pg';
import { openPostgresStore } from './index.ts';

const INSERT = 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
  await server.query(`CREATE ROLE mallory LOGIN PASSWORD 'mallory'`);
});
after(() => server.stop());

/** A database in which mallory may create schemas, and things in `public`; the URL of the store's user, who owns it. */
async function makeDatabase(name: string): Promise<string> {
  await server.query(`CREATE DATABASE ${name} OWNER ${server.user}`);
  await server.query(`GRANT CREATE ON DATABASE ${name} TO mallory`);
  await server.query('GRANT CREATE, USAGE ON SCHEMA public TO mallory, yugabyte', [], name);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url.toString();
}

async function asMallory(database: string, sql: string): Promise<void> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: 'mallory',
    password: 'mallory',
    database,
  });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Uses it as the server does: claims by its clock, counts, sorts. */
async function use(connectionUrl: string): Promise<number> {
  const store = await openPostgresStore({ connectionUrl });
  try {
    await store.run(
      `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt, attempts,
         last_error, value) VALUES ($1, 'token', 'active', 0, $2, NULL, 0, $2, 0, NULL, $3)`,
      [`lease-${Math.random()}`, 1, bytes('v')],
    );
    await store.run(
      `UPDATE leases SET claimed_until = store_now() + $1, attempts = attempts + 1 WHERE claimed_until <= store_now()
         AND id IN (SELECT id FROM leases WHERE next_attempt <= $2 ORDER BY next_attempt LIMIT $3)`,
      [60_000, 10, 10],
    );
    await store.run(INSERT, ['m', String(Math.random()), bytes('v')]);
    return Number((await store.run('SELECT count(*) AS n FROM entries')).rows[0]?.['n']);
  } finally {
    await store.close();
  }
}

/** Functions and operators that note who called them; those with no exact match in pg_catalog would be called. */
const PLANTED = `
  CREATE TABLE public.calls (what text, who text DEFAULT session_user);
  GRANT ALL ON public.calls TO PUBLIC;
  CREATE FUNCTION public.note(what text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $f$ INSERT INTO public.calls VALUES (what) $f$;
  CREATE FUNCTION public.floor(double precision) RETURNS double precision LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('floor'); RETURN 0; END $f$;
  CREATE FUNCTION public.floor(integer) RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('floor'); RETURN 0; END $f$;
  CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('clock'); RETURN now(); END $f$;
  CREATE FUNCTION public.store_now() RETURNS bigint LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('store_now'); RETURN 0; END $f$;
  CREATE FUNCTION public.times(double precision, integer) RETURNS double precision LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('*'); RETURN 0; END $f$;
  CREATE FUNCTION public.times(numeric, integer) RETURNS numeric LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('*'); RETURN 0; END $f$;
  CREATE OPERATOR public.* (LEFTARG = double precision, RIGHTARG = integer, FUNCTION = public.times);
  CREATE OPERATOR public.* (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = public.times);
  CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('='); RETURN true; END $f$;
  CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
  CREATE FUNCTION public.below(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.note('<='); RETURN true; END $f$;
  CREATE OPERATOR public.<= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.below);
  CREATE DOMAIN public.int8 AS text CHECK (false);
  CREATE DOMAIN public.text AS pg_catalog.text CHECK (false);`;

describe('the store in a hostile database', () => {
  it('stays where it is when somebody makes a schema that comes earlier, and calls nothing planted', async () => {
    const url = await makeDatabase('planted');
    assert.equal(await use(url), 1);
    await asMallory('planted', PLANTED);
    await asMallory(
      'planted',
      `CREATE SCHEMA ${server.user};
       CREATE TABLE ${server.user}.migrations (version bigint PRIMARY KEY);
       CREATE TABLE ${server.user}.entries (mount text, name text, value bytea, PRIMARY KEY (mount, name));
       GRANT ALL ON ALL TABLES IN SCHEMA ${server.user} TO PUBLIC; GRANT ALL ON SCHEMA ${server.user} TO PUBLIC`,
    );
    assert.equal(await use(url), 2);
    assert.deepEqual(await server.query(`SELECT * FROM ${server.user}.entries`, [], 'planted'), []);
    assert.deepEqual(await server.query('SELECT * FROM public.calls', [], 'planted'), []);
  });

  it('is not moved or misled by defaults of the database or the role', async () => {
    const url = await makeDatabase('defaults');
    assert.equal(await use(url), 1);
    await asMallory('defaults', `CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO PUBLIC; ${PLANTED}`);
    for (const setting of [
      'search_path = evil, public, pg_catalog',
      'default_transaction_read_only = on',
      'standard_conforming_strings = off',
      "default_transaction_isolation = 'serializable'",
      "datestyle = 'German'",
      'role = pg_monitor',
    ]) {
      await server.query(`ALTER DATABASE defaults SET ${setting}`);
      await server.query(`ALTER ROLE ${server.user} SET ${setting}`);
    }
    await server.query(`GRANT pg_monitor TO ${server.user}`);
    try {
      assert.equal(await use(url), 2);
    } finally {
      await server.query(`ALTER ROLE ${server.user} RESET ALL`);
    }
    assert.deepEqual(await server.query('SELECT * FROM public.calls', [], 'defaults'), []);
    assert.deepEqual(
      await server.query(`SELECT relname FROM pg_class WHERE relnamespace = 'evil'::regnamespace`, [], 'defaults'),
      [],
    );
  });

  it('writes into no table or beside no index that somebody else has made', async () => {
    for (const [database, sql] of [
      ['squatted_table', 'CREATE TABLE public.leases (id text)'],
      [
        'squatted_first',
        'CREATE TABLE public.migrations (version bigint PRIMARY KEY); GRANT ALL ON public.migrations TO PUBLIC',
      ],
      ['squatted_view', 'CREATE VIEW public.tokens AS SELECT 1 AS id'],
      ['squatted_index', 'CREATE TABLE public.other (id text); CREATE INDEX leases_id ON public.other (id)'],
    ] as const) {
      const url = await makeDatabase(database);
      await asMallory(database, sql);
      await assert.rejects(openPostgresStore({ connectionUrl: url }), {
        code: 'failed',
        message: /belongs to "mallory"/,
      });
    }
  });

  it('is logged in to with any password that psql would log in with', async () => {
    const url = new URL(await makeDatabase('odd'));
    for (const password of ['a\u00adb\u0007', '\u00ad', 'é\u{1f600}', '\u06271', 'ⅨAªA']) {
      await server.query(`ALTER ROLE ${server.user} PASSWORD '${password}'`);
      url.password = encodeURIComponent(password);
      assert.ok((await use(url.toString())) > 0);
    }
    await server.query(`ALTER ROLE ${server.user} PASSWORD '${server.password}'`);
  });

  it('works in the schema that its URL names', async () => {
    const url = await makeDatabase('named');
    assert.equal(await use(url), 1);
    await server.query(`CREATE SCHEMA apart AUTHORIZATION ${server.user}`, [], 'named');
    const apart = `${url}?options=-c%20search_path%3Dapart`;
    assert.equal(await use(apart), 1);
    assert.equal(await use(apart), 2);
    assert.equal(await use(url), 2);
  });
});
