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
}

export async function readRole(storage: EntryStorage, name: string): Promise<RoleEntry | undefined> {
  return (await storage.get(`roles/${name}`)) as unknown as RoleEntry | undefined;
}

export async function writeRole(storage: EntryStorage, name: string, entry: RoleEntry): Promise<void> {
  await storage.put(`roles/${name}`, { ...entry });
}
