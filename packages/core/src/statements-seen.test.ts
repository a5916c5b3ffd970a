/** The plans of every statement are looked at: one that is newly written must be among those that `statements-fixture.ts` runs. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { openEmbeddedStore } from '@coffer/store';
import { statementsOfCore } from './statements-fixture.ts';

/** What the store runs for itself when it is opened: none of it reads a table that grows. By how it begins. */
const NOT_RUN_HERE: Readonly<Record<string, string>> = {
  'SELECT * FROM migrations ORDER BY version': 'a row a version of the schema',
  'INSERT INTO migrations': 'as above',
  'UPDATE migrations SET compatible_from': 'as above',
  'SELECT store_now() AS now': 'no table',
  'SELECT n.nspname::pg_catalog.text AS name FROM pg_catalog.pg_class': 'the catalog, once a connection',
  'SELECT c.relname::pg_catalog.text AS name': 'the catalog, when the store is opened',
  'SELECT pg_catalog.array_to_json': 'the search path, once a connection',
  "INSERT INTO epoch (name, epoch) VALUES ('store', 0)": 'a migration',
  'SELECT max(version) AS version FROM keyring': 'five rows, when a snapshot is restored',
  'SELECT count(*) AS leases FROM leases': 'a whole table, when a snapshot is restored',
  "DELETE FROM entries WHERE mount <> '": 'a whole table, when a snapshot is restored',
  "SELECT value FROM keyring WHERE name = 'keyring'": 'five rows, when a store is migrated',
  'SELECT count(*) AS total FROM': 'a whole table, when a store is migrated',
  'SELECT 1 FROM … LIMIT 1': 'one row, when a store is migrated',
  "DELETE FROM entries WHERE mount = '": 'the migration’s own row',
  'SELECT …, rowid AS store_rowid FROM': 'a whole table in parts, by its rowid',
};

const LITERAL =
  /'((?:SELECT|INSERT|UPDATE|DELETE|WITH)\b[^'\n]*)'|"((?:SELECT|INSERT|UPDATE|DELETE|WITH)\b[^"\n]*)"|`((?:SELECT|INSERT|UPDATE|DELETE|WITH)\b[^`]*)`/g;
const OPEN = '…';

interface Written {
  readonly text: string;
  readonly pattern: RegExp;
}

/** The SQL in a file, with what is put together where it is used left open. */
function statementsIn(code: string): readonly Written[] {
  let uncommented = code.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*/gm, '');
  // From the inside out.
  for (let before = ''; before !== uncommented; ) {
    before = uncommented;
    uncommented = before.replace(/\$\{[^{}]*\}/g, OPEN);
  }
  return [...uncommented.matchAll(LITERAL)].map((match) => {
    const text = squeezed(match[1] ?? match[2] ?? match[3] ?? '');
    return { text, pattern: new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(OPEN, '[^]*?')) };
  });
}

function squeezed(sql: string): string {
  return sql.replace(/\s+/g, ' ');
}

async function statementsOf(room: string): Promise<readonly Written[]> {
  const source = resolve(import.meta.dirname, '../..', room, 'src');
  const files = (await readdir(source, { recursive: true })).filter((file) => /(?<!\.test|-fixture)\.ts$/.test(file));
  const all = await Promise.all(files.map((file) => readFile(join(source, file), 'utf8')));
  return all.flatMap(statementsIn);
}

describe('the statements that are written down', () => {
  it('are all among those whose plans are looked at', async () => {
    const store = await openEmbeddedStore({ path: ':memory:' });
    const run = (await statementsOfCore(store)).map(({ sql }) => squeezed(sql));
    await store.close();
    const written = [...(await statementsOf('core')), ...(await statementsOf('store'))];
    assert.ok(written.length > 80);
    const missing = written.filter(({ pattern }) => !run.some((sql) => pattern.test(sql))).map(({ text }) => text);
    const exceptions = Object.keys(NOT_RUN_HERE);
    const named = missing.map((text) => exceptions.find((beginning) => text.startsWith(beginning)) ?? text);
    assert.deepEqual([...new Set(named)].sort(), exceptions.sort());
  });

  it('are found however they are quoted', () => {
    const code =
      "run('SELECT 1'); run(`UPDATE a\n  SET b = ${c.map((d) => `$${d}`)} WHERE d`); run(\"DELETE FROM a\"); say('no SELECT');";
    const [, update = assert.fail(), ...others] = statementsIn(code);
    assert.equal(update.text, 'UPDATE a SET b = … WHERE d');
    assert.match('UPDATE a SET b = 1 WHERE d', update.pattern);
    assert.doesNotMatch('UPDATE a SET e = 1 WHERE d', update.pattern);
    assert.deepEqual(
      others.map(({ text }) => text),
      ['DELETE FROM a'],
    );
  });
});
