import { createHash } from 'node:crypto';
import { CofferError } from '@coffer/base';
import { type BulkAccess, insertRows, type SqlRow, type Store, type Table, TABLES } from '@coffer/store';
import { listNodes } from '../nodes/nodes.ts';
import { nameOf } from '../seal/other-nodes.ts';
import { MIGRATION, migrationOf } from './migration-lock.ts';
import { released } from './snapshot-rows.ts';

const KEYRING = 'keyring';
/** The keys go last, and make the destination a store. */
const BEFORE_KEYS = TABLES.filter(({ name }) => name !== KEYRING);

export interface MigrateOptions {
  readonly source: Store;
  readonly destination: Store;
  /** Called after some rows. `total`: of the source, in this table. */
  readonly onRows: (table: string, done: number, total: number) => void;
}

/** What a table holds, whatever the order of its rows. */
interface Content {
  rows: number;
  readonly digest: Buffer;
}

/**
 * Copies a store at rest into an empty one of any type. One that was cut off goes on where it was when it is called again. Until all
 * has come and was compared, the destination is no store that a server would open, and the source is kept from servers as well.
 *
 * @throws CofferError `failed` when somebody works on one of them, the source is not initialized, the destination is not empty,
 *   or has something else in the end
 */
export async function migrateStore({ source, destination, onRows }: MigrateOptions): Promise<number> {
  await requireAtRest(source, 'source');
  await requireAtRest(destination, 'destination');
  const from = await identityOf(source);
  if (from === undefined) throw refused('the source is not initialized: there is nothing to migrate');
  await begin(destination, from);
  await writeLock(source, from);
  const sent = await copy(source, destination, onRows);
  await compare(destination, sent);
  const keys: SqlRow[] = [];
  await bulkOf(source).dump(
    TABLES.filter(({ name }) => name === KEYRING),
    (_, rows) => Promise.resolve(void keys.push(...rows)),
  );
  await bulkOf(destination).exclusively(TABLES, async (run) => {
    for (const table of TABLES.filter(({ name }) => name === KEYRING)) await insertRows(run, table, keys);
    await run(`DELETE FROM entries WHERE mount = '${MIGRATION}'`);
  });
  await removeLock(source);
  return [...sent.values()].reduce((sum, { rows }) => sum + rows, keys.length);
}

/** Gives a migration up: the source is free again, and what was copied is removed. @throws CofferError `failed` */
export async function resetMigration(source: Store, destination: Store): Promise<void> {
  await requireAtRest(source, 'source');
  await removeLock(source);
  if ((await migrationOf(destination)) === undefined) return;
  await requireAtRest(destination, 'destination');
  await bulkOf(destination).exclusively(TABLES, async (run) => {
    for (const { name } of TABLES) await run(`DELETE FROM ${name}`);
  });
}

async function begin(destination: Store, from: string): Promise<void> {
  if ((await identityOf(destination)) !== undefined) throw refused('the destination is initialized already');
  const present = await migrationOf(destination);
  if (present === from) return;
  if (present !== undefined)
    throw refused('a migration of another store was started there: abandon it with -reset first');
  for (const { name } of TABLES) {
    const { rows } = await destination.run(`SELECT 1 FROM ${name} LIMIT 1`);
    if (rows.length > 0) throw refused(`the destination is not empty: there are ${name} in it`);
  }
  await writeLock(destination, from);
}

async function copy(
  source: Store,
  destination: Store,
  onRows: MigrateOptions['onRows'],
): Promise<ReadonlyMap<string, Content>> {
  const totals = new Map<string, number>();
  for (const { name } of BEFORE_KEYS) {
    const ours = name === 'entries' ? ` WHERE mount <> '${MIGRATION}'` : '';
    const { rows } = await source.run(`SELECT count(*) AS total FROM ${name}${ours}`);
    totals.set(name, Number(rows[0]?.['total'] ?? 0));
  }
  const contents = new Map<string, Content>();
  const into = bulkOf(destination);
  await bulkOf(source).dump(BEFORE_KEYS, async (table, all) => {
    const rows = all.filter(isOfStore).map((row) => released(table.name, row));
    // Some of them may have come before it was cut off.
    await into.exclusively([table], (run) => insertRows(run, table, rows, { unlessThere: true }));
    const { rows: done } = add(contents, table, rows);
    onRows(table.name, done, totals.get(table.name) ?? done);
  });
  return contents;
}

async function compare(destination: Store, sent: ReadonlyMap<string, Content>): Promise<void> {
  const arrived = new Map<string, Content>();
  await bulkOf(destination).dump(BEFORE_KEYS, (table, rows) =>
    Promise.resolve(void add(arrived, table, rows.filter(isOfStore))),
  );
  for (const { name } of BEFORE_KEYS) {
    const [here, there] = [sent.get(name), arrived.get(name)];
    const isSame =
      (here?.rows ?? 0) === (there?.rows ?? 0) && (here === undefined || there?.digest.equals(here.digest));
    if (isSame === true) continue;
    throw refused(`the ${name} of the destination differ from the source: use -reset and start again`);
  }
}

function add(contents: Map<string, Content>, table: Table, rows: readonly SqlRow[]): Content {
  const content = contents.get(table.name) ?? { rows: 0, digest: Buffer.alloc(32) };
  contents.set(table.name, content);
  for (const row of rows) {
    content.rows++;
    const hash = createHash('sha256')
      .update(JSON.stringify(table.columns.map(({ name }) => plain(row[name]))))
      .digest();
    // Every row has a key of its own, so that none takes another one away.
    for (const [at, byte] of hash.entries()) content.digest[at] = (content.digest[at] ?? 0) ^ byte;
  }
  return content;
}

function plain(value: SqlRow[string] | undefined): null | number | string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : (value ?? null);
}

function isOfStore(row: SqlRow): boolean {
  return row['mount'] !== MIGRATION;
}

/** What tells a store from others; undefined for one that is not initialized. */
async function identityOf(store: Store): Promise<string | undefined> {
  const { rows } = await store.run("SELECT value FROM keyring WHERE name = 'keyring'");
  const value = rows[0]?.['value'];
  return value instanceof Uint8Array ? createHash('sha256').update(value).digest('hex') : undefined;
}

async function requireAtRest(store: Store, which: string): Promise<void> {
  // Where nobody else can have it open, nobody has: rows of nodes there are of processes that were killed.
  const living = store.exclusive ? [] : (await listNodes(store)).filter(({ isDead }) => !isDead);
  if (living.length > 0)
    throw refused(`servers are using the ${which}; stop them first: ${living.map(nameOf).join(', ')}`);
}

async function writeLock(store: Store, from: string): Promise<void> {
  await store.run('INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
    ...[MIGRATION, 'from'],
    Buffer.from(from),
  ]);
}

async function removeLock(store: Store): Promise<void> {
  await store.run('DELETE FROM entries WHERE mount = $1', [MIGRATION]);
}

function bulkOf({ bulk }: Store): BulkAccess {
  if (bulk === undefined) throw new CofferError('unsupported', 'this store cannot be read as a whole');
  return bulk;
}

function refused(problem: string): CofferError {
  return new CofferError('failed', problem);
}
