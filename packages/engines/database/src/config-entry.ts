import { CofferError, type JsonObject } from '@coffer/base';
import { type ClaimedIntent, type Entries, type EntryStorage, globMatches, stored } from '@coffer/framework';

/** A configured connection, as stored. `connectionDetails` holds the plugin's own fields as they were written. */
export interface ConfigEntry {
  readonly pluginName: string;
  readonly pluginVersion: string;
  readonly connectionDetails: JsonObject;
  readonly allowedRoles: readonly string[];
  readonly rootRotationStatements: readonly string[];
  readonly passwordPolicy: string;
}

const { entry, object, string, strings } = stored;
const CONFIG = entry<ConfigEntry>({
  pluginName: string(),
  pluginVersion: string(),
  connectionDetails: object(),
  allowedRoles: strings(),
  rootRotationStatements: strings(),
  passwordPolicy: string(),
});

function configsOf(storage: EntryStorage): Entries<ConfigEntry> {
  return storage.kept('config/', CONFIG);
}

export async function readConfig(storage: EntryStorage, name: string): Promise<ConfigEntry | undefined> {
  return configsOf(storage).get(name);
}

/** @throws CofferError `failed` with Vault's text when there is no such configuration */
export async function requireConfig(storage: EntryStorage, name: string): Promise<ConfigEntry> {
  const config = await readConfig(storage, name);
  if (config !== undefined) return config;
  throw new CofferError('failed', `failed to find entry for connection with name: ${JSON.stringify(name)}`);
}

/** `claimed`: the configuration's intent. @throws CofferError `unavailable` when the claim was lost */
export async function writeConfig(
  storage: EntryStorage,
  name: string,
  config: ConfigEntry,
  { held, lost }: ClaimedIntent,
): Promise<void> {
  if (!(await configsOf(storage).replaceWhile(name, config, [held]))) throw lost();
}

/** Changes a configuration, if there is one. `claimed`, and what it throws: as {@link writeConfig}. */
export async function changeConfig(
  storage: EntryStorage,
  name: string,
  change: (config: ConfigEntry) => ConfigEntry,
  claimed: ClaimedIntent,
): Promise<void> {
  const config = await configsOf(storage).getNow(name);
  if (config !== undefined) await writeConfig(storage, name, change(config), claimed);
}

export async function deleteConfig(storage: EntryStorage, name: string, { held }: ClaimedIntent): Promise<void> {
  await configsOf(storage).deleteWhile(name, [held]);
}

/** Whether a role may use a connection: by `*`, the name, or a glob (hashicorp/vault:sdk/helper/strutil). */
export function roleAllowed(allowed: readonly string[], role: string): boolean {
  return allowed.some((pattern) => globMatches(pattern, role));
}

/** @throws CofferError `failed` with Vault's text when the role may not use the connection */
export function checkAllowed({ allowedRoles }: ConfigEntry, role: string): void {
  if (!roleAllowed(allowedRoles, role))
    throw new CofferError('failed', `${JSON.stringify(role)} is not an allowed role`);
}
