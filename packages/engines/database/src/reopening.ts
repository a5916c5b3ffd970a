import type { EntryStorage } from '@coffer/framework';
import { readConfig } from './config-entry.ts';
import type { Connections } from './connections.ts';

/** The names of the connections that use a plugin, or of all. */
export async function connectionsOf(storage: EntryStorage, plugin?: string): Promise<string[]> {
  const all = await storage.list('config/');
  if (plugin === undefined) return all;
  const names: string[] = [];
  for (const name of all) {
    if ((await readConfig(storage, name))?.pluginName === plugin) names.push(name);
  }
  return names;
}

/** Closes a connection and its plugin, and opens them again. @throws CofferError whatever opening it throws */
export async function reopen(connections: Connections, name: string): Promise<void> {
  await connections.databases.reset(name);
  await connections.use(name, async () => undefined);
}
