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

/** Fields of the plugin that never leave: credentials and private keys. */
const SECRET_FIELDS = ['password', 'private_key', 'sslpassword'];

/** What a read shows: without secrets, and with a password in the URL masked, as in Vault. */
export function shownDetails(details: JsonObject): JsonObject {
  const entries = Object.entries(details).filter(([name]) => !SECRET_FIELDS.includes(name));
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      name === 'connection_url' && typeof value === 'string' ? maskUrlPassword(value) : value,
    ]),
  );
}

/** Whether the URL holds a password that is not a placeholder. */
export function urlHoldsPassword(url: string): boolean {
  return maskUrlPassword(url) !== url;
}

function maskUrlPassword(url: string): string {
  // `{{password}}` is a placeholder, not a secret. The last @ before the path ends the user part. RFC 3986, 3.2.1.
  const inUserinfo = url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:/?#]*:)((?!\{\{password\}\}@).+)(@[^@]*)$/is, '$1*****$3');
  return inUserinfo.replace(
    /((?:^|[\s?&])password\s*=\s*)(?!\{\{password\}\})('(?:[^'\\]|\\.)*'|[^\s&]+)/gi,
    '$1*****',
  );
}

/** Whether a role may use a connection: by `*`, the name, or a glob (hashicorp/vault:sdk/helper/strutil). */
export function roleAllowed(allowed: readonly string[], role: string): boolean {
  return allowed.some((pattern) => globMatches(pattern, role));
}
