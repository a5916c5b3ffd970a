import { CofferError } from '@coffer/base';
import { type Entries, type EntryStorage, stored } from '@coffer/framework';

/** A dynamic role, as stored. TTLs are seconds; 0 means the mount's. */
export interface RoleEntry {
  readonly dbName: string;
  readonly creationStatements: readonly string[];
  readonly revocationStatements: readonly string[];
  readonly rollbackStatements: readonly string[];
  readonly renewStatements: readonly string[];
  readonly defaultTtl: number;
  readonly maxTtl: number;
  /**
   * What the database's VALID UNTIL follows. `lease`: the lease's end, so every renewal is an ALTER ROLE. `max_ttl`: the
   * ceiling from the start, so a renewal needs no SQL; if the server is lost, the login lives until then.
   */
  readonly validUntil: ValidUntil;
  /** Overrides that of the connection; empty to use it. */
  readonly passwordPolicy: string;
}

export const VALID_UNTIL = ['lease', 'max_ttl'] as const;
export type ValidUntil = (typeof VALID_UNTIL)[number];

const { entry, integer, oneOf, string, strings } = stored;
const ROLE = entry<RoleEntry>({
  dbName: string(),
  creationStatements: strings(),
  revocationStatements: strings(),
  rollbackStatements: strings(),
  renewStatements: strings(),
  defaultTtl: integer(),
  maxTtl: integer(),
  validUntil: oneOf(VALID_UNTIL, 'lease'),
  passwordPolicy: string(''),
});

function rolesOf(storage: EntryStorage): Entries<RoleEntry> {
  return storage.kept('roles/', ROLE);
}

export async function readRole(storage: EntryStorage, name: string): Promise<RoleEntry | undefined> {
  return rolesOf(storage).get(name);
}

export async function deleteRole(storage: EntryStorage, name: string): Promise<void> {
  await rolesOf(storage).delete(name);
}

export async function writeRole(storage: EntryStorage, name: string, role: RoleEntry): Promise<void> {
  await rolesOf(storage).put(name, role);
}

/**
 * Changes a role as it is when the change is written: one that was deleted stays deleted, and what somebody else changed
 * meanwhile stays changed. `change` may be asked more than once.
 * @throws CofferError `not-found` when there is no such role
 */
export async function changeRole(
  storage: EntryStorage,
  name: string,
  change: (role: RoleEntry) => RoleEntry,
): Promise<void> {
  const replaced = await rolesOf(storage).update(name, change);
  if (replaced === undefined) throw new CofferError('not-found', `role ${JSON.stringify(name)} does not exist`);
}
