import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { parseSettings } from '../settings/settings.ts';
import { quoteIdentifier } from '../sql/render.ts';
import { lookAtRoles, type SeenRole } from './role-look.ts';
import { createUserAccess } from './user-access.ts';

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
  for (const sql of ['CREATE DATABASE second', 'CREATE ROLE app', 'CREATE TABLE things (id int)']) {
    await server.query(sql);
  }
  await server.query('CREATE TABLE others (id int)', [], 'second');
});
after(() => server.stop());

async function look(names: readonly string[]): Promise<readonly SeenRole[]> {
  const { host, port, user: username, password, database: db } = server;
  const settings = parseSettings({ host, port, username, password, db }, () => undefined);
  const access = createUserAccess(settings, silentLogger);
  try {
    return await access.pool.use((session) => lookAtRoles(session, names));
  } finally {
    await access.pool.close();
  }
}

interface Case {
  readonly what: string;
  readonly expected: SeenRole['dependencies'];
  /** Run after the role was made, `ROLE` for its name. */
  readonly sql: readonly string[];
  readonly database?: string;
}

const CASES: readonly Case[] = [
  { what: 'nothing but a membership', expected: 'none', sql: ['GRANT app TO ROLE'] },
  { what: 'a privilege on the database', expected: 'database', sql: ['GRANT ALL ON DATABASE yugabyte TO ROLE'] },
  { what: 'a privilege on a table here', expected: 'privileges', sql: ['GRANT SELECT ON things TO ROLE'] },
  {
    what: 'default privileges, which are owned but nobody’s',
    expected: 'privileges',
    sql: ['ALTER DEFAULT PRIVILEGES FOR ROLE ROLE GRANT SELECT ON TABLES TO app'],
  },
  {
    what: 'a table of its own',
    expected: 'more',
    sql: ['CREATE TABLE mine (id int)', 'ALTER TABLE mine OWNER TO ROLE'],
  },
  {
    what: 'a privilege in another database',
    expected: 'more',
    sql: ['GRANT SELECT ON others TO ROLE'],
    database: 'second',
  },
  {
    what: 'more privileges than one look reads',
    expected: 'more',
    sql: Array.from({ length: 101 }, (_, i) => [
      `CREATE TABLE many_${i} (id int)`,
      `GRANT SELECT ON many_${i} TO ROLE`,
    ]).flat(),
  },
];

describe('a look at roles', () => {
  it('tells what depends on each of several', async () => {
    for (const [at, { sql, database }] of CASES.entries()) {
      await server.query(`CREATE ROLE "seen-${at}"`);
      for (const statement of sql)
        await server.query(statement.replace(/ROLE$|ROLE(?= GRANT)/, `"seen-${at}"`), [], database);
    }
    const roles = await look([...CASES.keys()].map((at) => `seen-${at}`));
    assert.deepEqual(
      roles.map(({ name, dependencies }, at) => ({ name, what: CASES[at]?.what, dependencies })),
      CASES.map(({ what, expected }, at) => ({ name: `seen-${at}`, what, dependencies: expected })),
    );
  });

  it('finds names with any character, and leaves out who is not there', async () => {
    const names = [`it's`, 'say "hi"', 'back\\slash', 'a.b', 'Ünïcode', 'UPPER', ' '];
    for (const name of names) await server.query(`CREATE ROLE ${quoteIdentifier(name)}`);
    const roles = await look([...names, 'nobody', 'upper', 'public', 'x'.repeat(100)]);
    assert.deepEqual(
      roles.map(({ name }) => name),
      names,
    );
    const [row] = await server.query('SELECT oid::text AS oid FROM pg_roles WHERE rolname = $1', ['UPPER']);
    assert.equal(roles.find(({ name }) => name === 'UPPER')?.oid, row?.['oid']);
  });
});
