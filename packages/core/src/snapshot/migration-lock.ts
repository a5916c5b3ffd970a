import { CofferError } from '@coffer/base';
import type { Store } from '@coffer/store';

/** A mount that no engine can have: what is in it says that a store is being migrated, and is in the open. */
export const MIGRATION = 'core/migration';

/** Which store is being migrated, from here or to here; undefined when none is. */
export async function migrationOf(store: Store): Promise<string | undefined> {
  const { rows } = await store.run("SELECT value FROM entries WHERE mount = $1 AND name = 'from'", [MIGRATION]);
  const value = rows[0]?.['value'];
  return value instanceof Uint8Array ? Buffer.from(value).toString() : undefined;
}

/** What a server wrote now would not come along, or make the copy another one. @throws CofferError `failed` */
export async function requireNoMigration(store: Store): Promise<void> {
  if ((await migrationOf(store)) === undefined) return;
  throw new CofferError(
    'failed',
    'storage migration in progress: run "operator migrate" again to finish it, or with -reset to abandon it',
  );
}
