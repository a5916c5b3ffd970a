/** Nodes of two versions work on one store while they are upgraded one after the other. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { databaseUnderTest } from '@coffer/testkit';
import { openEmbeddedStore } from './embedded-store.ts';
import { openPostgresStore } from './postgres-store.ts';
import { appliedMigrations, COMPATIBLE_FROM, MIGRATIONS } from './schema.ts';
import type { Store } from './store.ts';

const COLUMN = /^ALTER TABLE \w+ ADD COLUMN IF NOT EXISTS \w+ (?:TEXT|BIGINT|BYTEA)(?<rest>.*)$/s;
const OPTIONAL = /^(?: NOT NULL DEFAULT (?:\d+|'[^']*')| DEFAULT (?:\d+|'[^']*'))?$/;

type MadeHere = (table: string) => boolean;
/** What the version before need not know. Each takes a statement, and whether its migration makes a table. */
const HARMLESS: readonly ((sql: string, isNew: MadeHere) => boolean)[] = [
  (sql) => /^CREATE TABLE IF NOT EXISTS \w+ \(/.test(sql),
  (sql) => /^CREATE INDEX IF NOT EXISTS \w+ ON \w+ \(/.test(sql),
  // The version before may be about to write what it forbids.
  (sql, isNew) => isNew(/^CREATE UNIQUE INDEX IF NOT EXISTS \w+ ON (\w+) \(/.exec(sql)?.[1] ?? ''),
  // It names no such column when it inserts.
  (sql) => OPTIONAL.test(COLUMN.exec(sql)?.groups?.['rest'] ?? 'no column'),
  (sql, isNew) => isNew(/^INSERT INTO (\w+) \([\s\S]+ ON CONFLICT \([\w, ]+\) DO NOTHING$/.exec(sql)?.[1] ?? ''),
  // ON CONFLICT needs the unique one that it names.
  (sql) => /^DROP INDEX IF EXISTS \w+$/.test(sql) && !uniqueIndexes().includes(sql.split(' ').at(-1) ?? ''),
];

/** The first statement that would break the version before, if any does. */
function hazard(migration: readonly string[]): string | undefined {
  const isNew: MadeHere = (table) => migration.some((sql) => sql.startsWith(`CREATE TABLE IF NOT EXISTS ${table} (`));
  return migration.find((sql) => sql.includes(';') || !HARMLESS.some((fits) => fits(sql, isNew)));
}

function uniqueIndexes(): string[] {
  return MIGRATIONS.flat().flatMap((sql) => /^CREATE UNIQUE INDEX IF NOT EXISTS (\w+)/.exec(sql)?.[1] ?? []);
}

describe('a migration', () => {
  for (const [index, migration] of MIGRATIONS.entries()) {
    it(`leaves the version before at work: ${index + 1}`, () => assert.equal(hazard(migration), undefined));
  }

  for (const sql of [
    'DROP TABLE IF EXISTS intents',
    'DROP INDEX IF EXISTS leases_id',
    'DROP INDEX leases_id CASCADE',
    'ALTER TABLE leases RENAME TO lease',
    'ALTER TABLE leases RENAME COLUMN token TO owner',
    'ALTER TABLE leases DROP COLUMN IF EXISTS token',
    'ALTER TABLE leases ADD COLUMN IF NOT EXISTS bucket BIGINT NOT NULL',
    'ALTER TABLE leases ADD COLUMN IF NOT EXISTS bucket BIGINT UNIQUE',
    'ALTER TABLE leases ADD COLUMN IF NOT EXISTS bucket BIGINT CHECK (bucket > 0)',
    'ALTER TABLE leases ADD COLUMN IF NOT EXISTS bucket BIGINT NOT NULL DEFAULT 0, DROP COLUMN token',
    'ALTER TABLE leases ADD COLUMN IF NOT EXISTS bucket TEXT REFERENCES mounts (path)',
    'ALTER TABLE leases ALTER COLUMN last_renewal SET NOT NULL',
    'ALTER TABLE leases ALTER COLUMN expire_time TYPE TEXT',
    'ALTER TABLE leases ADD CONSTRAINT positive CHECK (attempts >= 0)',
    'CREATE UNIQUE INDEX IF NOT EXISTS leases_value ON leases (value ASC)',
    'CREATE TABLE IF NOT EXISTS lease (id TEXT); DROP TABLE leases',
    "UPDATE leases SET state = 'live'",
    'DELETE FROM intents',
    'TRUNCATE intents',
    "INSERT INTO mounts (path, accessor, value) VALUES ('a/', 'b', '') ON CONFLICT (path) DO NOTHING",
    'CREATE VIEW live AS SELECT 1',
  ]) {
    it(`is refused here: ${sql}`, () => assert.equal(hazard([sql]), sql));
  }

  it('may drop an index, add columns that have a value by default, and do anything to what it makes itself', () => {
    assert.equal(
      hazard([
        'CREATE TABLE IF NOT EXISTS made (id TEXT PRIMARY KEY, n BIGINT NOT NULL)',
        'CREATE UNIQUE INDEX IF NOT EXISTS made_n ON made (n ASC)',
        "INSERT INTO made (id, n) VALUES ('a', 0) ON CONFLICT (id) DO NOTHING",
        "ALTER TABLE leases ADD COLUMN IF NOT EXISTS a TEXT NOT NULL DEFAULT ''",
        'ALTER TABLE leases ADD COLUMN IF NOT EXISTS b BIGINT',
        'DROP INDEX IF EXISTS leases_token',
      ]),
      undefined,
    );
  });
});

describe('a store with migrations that are not known here', () => {
  const newest = { version: 9, compatible_from: 7 };

  it('is worked on by every version from the one on that it is compatible with', () => {
    assert.equal(appliedMigrations('here', newest, 9), 9);
    assert.equal(appliedMigrations('here', newest, 8), 9);
    assert.equal(appliedMigrations('here', newest, 7), 9);
  });

  it('is refused by those before, which say what to do', () => {
    const said =
      /^Error: the store at here was written by a newer Coffer \(schema 9, this one knows 6\): start the newer/;
    assert.throws(() => appliedMigrations('here', newest, 6), said);
    for (const compatible_from of [null, undefined]) {
      assert.throws(() => appliedMigrations('here', { version: 9, compatible_from }, 8), /newer Coffer/);
    }
  });

  async function holds(open: () => Promise<Store>): Promise<void> {
    const notes = async (text: string): Promise<void> => {
      const store = await open();
      await store.run('DELETE FROM migrations WHERE version > 9000');
      await store.run(`INSERT INTO migrations (version, compatible_from) VALUES ${text}`);
      await store.close();
    };
    const first = await open();
    const { rows } = await first.run('SELECT version, compatible_from FROM migrations ORDER BY version DESC LIMIT 1');
    assert.deepEqual({ ...rows[0] }, { version: MIGRATIONS.length, compatible_from: COMPATIBLE_FROM });
    await first.close();
    await notes(`(9001, ${MIGRATIONS.length})`);
    await notes(`(9002, ${MIGRATIONS.length - 1})`);
    await notes(`(9003, ${MIGRATIONS.length + 1})`);
    await assert.rejects(open(), { code: 'failed', message: /newer Coffer \(schema 9003/ });
  }

  it('is opened or refused: the embedded one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-migrations-'));
    try {
      await holds(() => openEmbeddedStore({ path: join(directory, 'coffer.db') }));
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('is opened or refused: PostgreSQL', async () => {
    const database = await databaseUnderTest();
    await database.query(`CREATE DATABASE coffer_migrations OWNER ${database.user}`);
    try {
      const url = new URL(database.url);
      url.pathname = '/coffer_migrations';
      await holds(() => openPostgresStore({ connectionUrl: url.href }));
    } finally {
      await database.query('DROP DATABASE coffer_migrations');
      await database.stop();
    }
  });
});
