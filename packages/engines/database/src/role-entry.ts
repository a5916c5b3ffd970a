import type { EntryStorage } from '@coffer/core';

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
  /** In place of the connection's; empty for that one. */
  readonly passwordPolicy: string;
}

export const VALID_UNTIL = ['lease', 'max_ttl'] as const;
export type ValidUntil = (typeof VALID_UNTIL)[number];

export async function readRole(storage: EntryStorage, name: string): Promise<RoleEntry | undefined> {
  return (await storage.get(`roles/${name}`)) as unknown as RoleEntry | undefined;
}

export async function writeRole(storage: EntryStorage, name: string, entry: RoleEntry): Promise<void> {
  await storage.put(`roles/${name}`, { ...entry });
}
