import { CofferError } from '@coffer/base';
import type { SnapshotMeta, SnapshotTable } from '@coffer/snapshot';
import { SCHEMA_VERSION, type SqlRow, type Table, TABLES } from '@coffer/store';

/** What operators have under way, and the orders to nodes, belong to the time when they were given. */
const OF_THE_MOMENT = 'core/operator';

/** Whether a row goes into a snapshot, and out of one. */
export function isLasting(table: string, row: SqlRow): boolean {
  return table !== 'entries' || row['mount'] !== OF_THE_MOMENT;
}

/** Removes the rows of a table that come anew, or all. */
export function deletionOf({ name }: Table): string {
  return name === 'entries' ? `DELETE FROM entries WHERE mount <> '${OF_THE_MOMENT}'` : `DELETE FROM ${name}`;
}

/** The tables as a snapshot of this version has them. */
export function tablesOfSnapshot(): readonly SnapshotTable[] {
  return TABLES.map(({ name, columns }) => ({
    name,
    columns: columns.map((column) => ({ name: column.name, type: column.type })),
  }));
}

/** @throws CofferError `invalid-request` when this version cannot take such rows */
export function checkSchema({ schema, version, tables }: SnapshotMeta): void {
  if (schema > SCHEMA_VERSION) {
    const text = `the snapshot was taken by a newer Coffer (${version}, schema ${schema}; this one knows ${SCHEMA_VERSION}): restore it there`;
    throw new CofferError('invalid-request', text);
  }
  for (const { name, columns } of tables) {
    const known = TABLES.find((table) => table.name === name)?.columns;
    const fits = columns.every((column) =>
      known?.some((each) => each.name === column.name && each.type === column.type),
    );
    if (known === undefined || !fits || new Set(columns.map((column) => column.name)).size !== columns.length) {
      throw new CofferError(
        'invalid-request',
        `the snapshot has a table "${name}" with columns that a store does not have`,
      );
    }
  }
  if (new Set(tables.map(({ name }) => name)).size !== tables.length) {
    throw new CofferError('invalid-request', 'the snapshot has a table twice');
  }
}

/**
 * A row as it is put into a store: nobody is at it any more. Leases that were being made are due, so that what was made is
 * ended; an intent keeps its claim, by which whoever takes it over knows that somebody was cut off there (see dead-claims.ts).
 */
export function released(table: string, row: SqlRow): SqlRow {
  if (table === 'intents') return { ...row, claimed_until: 0 };
  if (table !== 'leases' || row['claim'] === undefined || row['claim'] === '') return row;
  return { ...row, claim: '', claimed_until: 0, ...(row['state'] !== 'active' && { next_attempt: 0 }) };
}
