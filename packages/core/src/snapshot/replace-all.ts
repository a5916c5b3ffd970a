import { readSnapshot } from '@coffer/snapshot';
import { type BulkAccess, insertRows, type Run, type Table, TABLES } from '@coffer/store';
import { deletionOf, isLasting, released } from './snapshot-rows.ts';

/** What says which logins are there, and what is being done to them: that of the store is newer than the snapshot's. */
const OF_LOGINS = new Set(['leases', 'intents']);

/**
 * Replaces all rows by those of a snapshot, which was verified before, in one transaction. Every node drops what it keeps.
 *
 * With the keys of this store, its keys stay, with all that was done to them since; and so do its leases and intents, which name logins
 * that are there now: those of the snapshot only come beside them. With other keys nobody could read them.
 */
export function replaceAll(
  bulk: BulkAccess,
  read: () => AsyncIterable<Uint8Array>,
  isSameKeys: boolean,
): Promise<{ readonly forgottenLeases: number }> {
  return bulk.exclusively(TABLES, async (run) => {
    const before = await prepare(run, isSameKeys);
    await readSnapshot(read(), {
      async onRows(name, rows) {
        const table = tableOf(name);
        if (isSameKeys && name === 'keyring') return;
        const fresh = rows
          .filter((row) => isLasting(name, row))
          .map((row) => (name === 'keyring' ? { ...row, version: before.keysVersion + 1 } : released(name, row)));
        await insertRows(run, table, fresh, { unlessThere: isSameKeys && OF_LOGINS.has(name) });
      },
    });
    return { forgottenLeases: isSameKeys ? 0 : before.leases };
  });
}

/** Makes room. What writes configuration counts the epoch as well, and waits for this one, or this one for it. */
async function prepare(
  run: Run,
  isSameKeys: boolean,
): Promise<{ readonly keysVersion: number; readonly leases: number }> {
  await run("UPDATE epoch SET epoch = epoch + 1 WHERE name = 'store'");
  // Without what the last change was, every node takes everything for changed.
  await run('DELETE FROM changes');
  const { rows: keys } = await run('SELECT max(version) AS version FROM keyring');
  const { rows: leases } = await run('SELECT count(*) AS leases FROM leases');
  for (const table of TABLES) {
    const stays = isSameKeys && (OF_LOGINS.has(table.name) || table.name === 'keyring');
    if (!stays) await run(isSameKeys ? deletionOf(table) : `DELETE FROM ${table.name}`);
  }
  return { keysVersion: Number(keys[0]?.['version'] ?? 0), leases: Number(leases[0]?.['leases'] ?? 0) };
}

function tableOf(name: string): Table {
  const table = TABLES.find((each) => each.name === name);
  if (table === undefined) throw new Error(`no table "${name}"`);
  return table;
}
