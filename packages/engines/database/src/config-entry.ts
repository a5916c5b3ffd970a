import type { JsonObject } from '@coffer/base';
import { type EntryStorage, globMatches } from '@coffer/framework';

/** A configured connection, as stored. `connectionDetails` holds the plugin's own fields as they were written. */
export interface ConfigEntry {
  readonly pluginName: string;
  readonly pluginVersion: string;
  readonly connectionDetails: JsonObject;
  readonly allowedRoles: readonly string[];
  readonly rootRotationStatements: readonly string[];
  readonly passwordPolicy: string;
}

const key = (name: string): string => `config/${name}`;

export async function readConfig(storage: EntryStorage, name: string): Promise<ConfigEntry | undefined> {
  return (await storage.get(key(name))) as unknown as ConfigEntry | undefined;
}

export async function writeConfig(storage: EntryStorage, name: string, entry: ConfigEntry): Promise<void> {
  await storage.put(key(name), { ...entry });
}

export async function deleteConfig(storage: EntryStorage, name: string): Promise<void> {
  await storage.delete(key(name));
}

/** Whether a role may use a connection: by `*`, the name, or a glob (hashicorp/vault:sdk/helper/strutil). */
export function roleAllowed(allowed: readonly string[], role: string): boolean {
  return allowed.some((pattern) => globMatches(pattern, role));
}
