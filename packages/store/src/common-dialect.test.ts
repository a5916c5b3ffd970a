/** The store's SQL is for both engines, and on YugabyteDB it meets what that retries. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { databaseUnderTest, startWireProxy } from '@coffer/testkit';
import { openPostgresStore } from './postgres-store.ts';
import { MIGRATIONS } from './schema.ts';

describe('the schema', () => {
  it('has range indexes that YSQL does not hash', () => {
    const indexes = MIGRATIONS.flat().filter((sql) => /^CREATE (UNIQUE )?INDEX/.test(sql));
    assert.ok(indexes.length >= 5);
    for (const sql of indexes) {
      const [, columns = ''] = /\(([^)]+)\)(?: WHERE [^()]+)?$/.exec(sql) ?? [];
      for (const column of columns.split(',')) assert.match(column.trim(), /^\w+ ASC$/, sql);
    }
  });

  it('has none that begins with a time, where all new rows would be in one tablet', () => {
    // What the last migration leaves: on each column that grows with time.
    const indexes = new Map<string, string>();
    for (const sql of MIGRATIONS.flat()) {
      const [, name = '', columns = ''] =
        /^CREATE (?:UNIQUE )?INDEX IF NOT EXISTS (\w+) ON \w+ \(([^)]+)\)/.exec(sql) ?? [];
      if (name !== '') indexes.set(name, columns);
      indexes.delete(/^DROP INDEX IF EXISTS (\w+)/.exec(sql)?.[1] ?? '');
    }
    const growing = /^(epoch|\w+_(time|attempt|until|renewal)|started|heartbeat) /;
    const found = [...indexes].filter(([, columns]) => growing.test(columns)).map(([name]) => name);
    // One row at a time is written there anyway: its writers share the row that counts the epochs.
    assert.deepEqual(found, ['changes_epoch']);
    const bucketed = [...indexes].filter(([, columns]) => columns.startsWith('bucket ASC, ')).map(([name]) => name);
    assert.deepEqual(bucketed.sort(), ['leases_due', 'leases_given_up', 'tokens_due']);
  });

  it('can be made again after a start that was killed', () => {
    for (const sql of MIGRATIONS.flat()) assert.match(sql, /IF (NOT )?EXISTS|ON CONFLICT/, sql);
  });
});

describe('the statements', () => {
  it('use nothing that one of the engines has not', async () => {
    const packages = resolve(import.meta.dirname, '../..');
    for (const room of ['core', 'store']) {
      for (const file of await readdir(join(packages, room, 'src'), { recursive: true })) {
        if (!/(?<!\.test)\.ts$/.test(file)) continue;
        const code = (await readFile(join(packages, room, 'src', file), 'utf8')).replace(
          /\/\*[\s\S]*?\*\/|\/\/.*/g,
          '',
        );
        assert.doesNotMatch(code, /SKIP LOCKED|FOR UPDATE|AUTOINCREMENT|\bSERIAL\b|\bNOW\(\)/, file);
      }
    }
  });

  it('are run again after 40001 and a deadlock, and once', async () => {
    const database = await databaseUnderTest();
    const proxy = await startWireProxy({ target: database });
    await database.query(`CREATE DATABASE coffer_conflicts OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = '/coffer_conflicts';
    url.host = `${proxy.host}:${proxy.port}`;
    const store = await openPostgresStore({ connectionUrl: url.href, maxConnections: 1 });
    try {
      await store.run('CREATE TABLE counts (id INT PRIMARY KEY, n INT)');
      await store.run('INSERT INTO counts VALUES (1, 0)');
      const add = { sql: 'UPDATE counts SET n = n + 1 WHERE id = 1', params: [] };
      const conflicts = [
        { type: 'error', sqlstate: '40001', message: 'Restart read required' },
        { type: 'error-after', sqlstate: '40P01', message: 'deadlock detected' },
      ] as const;
      for (const action of conflicts) {
        const fault = proxy.addFault({ match: /^UPDATE counts/, action });
        await store.transaction([add, { sql: 'SELECT 1', params: [] }]);
        assert.equal(fault.fired, 1, action.sqlstate);
      }
      assert.equal((await store.run('SELECT n FROM counts')).rows[0]?.['n'], 2);
    } finally {
      await store.close();
      await proxy.stop();
      await database.query('DROP DATABASE coffer_conflicts');
      await database.stop();
    }
  });
});
