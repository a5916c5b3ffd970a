/** Lists and prefixes of leases. Issuing, renewing and revoking are in core.test.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createLogger, formatLogLine } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import type { LeaseState } from '@coffer/framework';
import { sealLease } from './lease-row.ts';
import { LeaseList } from './lease-list.ts';
import { Epochs } from '../epochs/epochs.ts';
import { Leases } from './leases.ts';
import { createTokenStore } from '../tokens/tokens.ts';

/** `db/` has levels, ids beside them, and names that sort between a level and its `/`. */
const IDS = [
  'db/a',
  'db/a-b/1',
  'db/a/1',
  'db/a/2',
  'db/a/deep/3',
  'db/a0',
  'db/b',
  'db/Ä/1',
  'db/\u{10000}/1',
  'db/zz',
];
const FUTURE = 4_102_444_800_000;
const OTHERS = ['db', 'db-/1', 'da/1', 'db0/1', 'other/1'];

describe('leases below a prefix', () => {
  let store: Store;
  let leases: Leases;
  let list: LeaseList;
  let statements: string[] = [];
  let log = '';
  const barrier = new Barrier(createKeyring());

  async function insert(id: string, state: LeaseState, dueTime = FUTURE): Promise<void> {
    await store.run(
      `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
         attempts, last_error, value) VALUES ($1, 't', $2, 0, $3, NULL, 0, $3, 0, NULL, $4)`,
      [id, state, dueTime, sealLease(barrier, id, { path: 'db/x', renewable: true, data: {} })],
    );
  }

  before(async () => {
    const opened = await openEmbeddedStore({ path: ':memory:' });
    store = {
      exclusive: opened.exclusive,
      ...{ close: () => opened.close(), transaction: (all) => opened.transaction(all) },
      run: (sql, params) => {
        statements.push(sql);
        return opened.run(sql, params);
      },
    };
    const logger = createLogger('', 'info', (entry) => (log += formatLogLine(entry)));
    const engine = { help: '', paths: [], close: () => Promise.resolve() };
    list = new LeaseList(store, barrier);
    const wake = (): void => undefined;
    const tokens = createTokenStore(opened, barrier, wake);
    leases = new Leases({
      ...{ store, barrier, list, tokens, epochs: new Epochs(store), mounts: { engineFor: () => engine }, logger, wake },
    });
    for (const id of [...IDS, ...OTHERS]) await insert(id, 'active');
    await insert('db/unfinished', 'creating');
  });
  after(() => store.close());

  const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const names = [...new Set(IDS.map((id) => id.slice('db/'.length).replace(/\/.*$/, '/')))].sort(byBytes);

  it('are listed one level deep, sorted, without those that are not issued yet', async () => {
    assert.deepEqual(await list.list('db/'), names);
    assert.deepEqual(await list.list('db/a/'), ['1', '2', 'deep/']);
    assert.deepEqual(await list.list('nothing/'), []);
  });

  it('are listed in pages, whatever the page begins with', async () => {
    for (const behind of ['', '0', 'zzz', ...names, ...names.map((name) => `${name}x`), 'a/1', '~']) {
      const expected = names.filter((name) => byBytes(name, behind) > 0);
      for (const limit of [0, 1, 2, 3, 100]) {
        const page = await list.list('db/', { after: behind, limit });
        assert.deepEqual(page, limit === 0 ? expected : expected.slice(0, limit), `${behind}, ${limit}`);
      }
    }
  });

  it('are read as far as the page goes', async () => {
    statements = [];
    await list.list('db/', { after: 'a/', limit: 2 });
    assert.ok(statements.length <= 2, statements.join('\n'));
  });

  it('are revoked a page at a time when nobody waits', async () => {
    statements = [];
    await leases.revokePrefixLater('db/');
    assert.equal(statements.length, 2, 'which there are, and that they are to be revoked');
    const { rows } = await store.run("SELECT id FROM leases WHERE state = 'revoking' ORDER BY id");
    assert.deepEqual(
      rows.map((row) => row['id']),
      [...IDS, 'db/unfinished'].sort(byBytes),
    );
  });

  it('are revoked later however many they are, and no others', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) => `many/${String(index).padStart(4, '0')}`);
    for (const id of [...many, 'manz']) await insert(id, 'active');
    statements = [];
    await leases.revokePrefixLater('many/');
    assert.equal(statements.length, 5, 'two pages, and a look that finds no third');
    const { rows } = await store.run("SELECT id FROM leases WHERE state = 'revoking' AND id > 'many' ORDER BY id");
    assert.deepEqual(
      rows.map((row) => row['id']),
      many,
    );
    await store.run("DELETE FROM leases WHERE id > 'many' AND id <= 'manz'");
  });

  it('are revoked and gone, and no others', async () => {
    await leases.revokePrefix('db/');
    const { rows } = await store.run('SELECT id FROM leases ORDER BY id');
    assert.deepEqual(
      rows.map((row) => row['id']),
      [...OTHERS].sort(byBytes),
    );
    await leases.revokePrefix('');
    assert.equal(await list.count(), 0);
  });

  it('are claimed when due, all but one that was altered, which is named and asked for later', async () => {
    for (const id of ['db/good/1', 'db/altered/1', 'db/good/2']) await insert(id, 'active', 1);
    await store.run(
      "UPDATE leases SET value = (SELECT value FROM leases WHERE id = 'db/good/1') WHERE id LIKE '%altered%'",
    );
    const now = Date.now();
    const claimed = await leases.claimDue(now, 10);
    assert.deepEqual(claimed.map(({ id }) => id).sort(), ['db/good/1', 'db/good/2']);
    const { rows } = await store.run("SELECT * FROM leases WHERE id LIKE '%altered%'");
    assert.match(String(rows[0]?.['last_error']), /failed to decrypt row leases\/db\/altered\/1:/);
    assert.equal(rows[0]?.['attempts'], 1);
    assert.ok(Number(rows[0]['next_attempt']) > now);
    assert.deepEqual(await leases.claimDue(now, 10), []);
    assert.match(log, /failed to decrypt row \S*db\/altered\/1:/);
  });
});
