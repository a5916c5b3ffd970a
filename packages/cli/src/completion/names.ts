import { readdir } from 'node:fs/promises';
import { isJsonObject, type JsonValue } from '@coffer/base';
import type { Client } from '@coffer/client';
import type { Candidates } from './candidates.ts';

/** Asks the server, one request at a time. */
export type Ask = () => Promise<Client>;

/** All that may stand there, whatever of it has been typed. Throws whatever reading and asking throw. */
export async function namesOf(candidates: Candidates, prefix: string, ask: Ask): Promise<readonly string[]> {
  switch (candidates) {
    case 'files':
      return files(prefix);
    case 'paths':
    case 'folders':
      return paths(prefix, candidates === 'paths', ask);
    case 'mounts':
      return (await visibleMounts(await ask())).mounts;
    case 'auths':
      return (await visibleMounts(await ask())).auths;
    case 'audits':
      return keysOf((await (await ask()).read('sys/audit'))?.data);
    case 'plugins':
      return plugins(await ask());
    case 'policies':
      return listed(await ask(), 'sys/policies/acl');
    default:
      return candidates;
  }
}

async function files(prefix: string): Promise<string[]> {
  const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const entries = await readdir(directory === '' ? '.' : directory, { withFileTypes: true });
  const names = entries.map((entry) => `${directory}${entry.name}${entry.isDirectory() ? '/' : ''}`);
  // Hidden files only for those who ask for them, as the shell has it.
  return names.filter((name) => prefix !== directory || !name.slice(directory.length).startsWith('.'));
}

/** The mounts that this token may use something of, which needs no rights on `sys/mounts` (openbao/openbao:vault/logical_system.go). */
async function visibleMounts(client: Client) {
  const data = (await client.read('sys/internal/ui/mounts'))?.data;
  return { mounts: keysOf(data?.['secret']), auths: keysOf(data?.['auth']) };
}

/**
 * Mounts first; below one, what its folder lists. Where only one folder is left there is nothing to choose, so its content comes
 * with the same key (openbao/openbao:command/base_predict.go vaultPaths).
 */
async function paths(prefix: string, files: boolean, ask: Ask): Promise<readonly string[]> {
  let typed = prefix;
  let found = await levelOf(typed, ask);
  while (found.length === 1 && found[0] !== undefined && found[0].endsWith('/') && found[0] !== typed) {
    typed = found[0];
    const below = await levelOf(typed, ask);
    if (below.length === 0) break;
    found = below;
  }
  return files ? found : found.filter((path) => path.endsWith('/'));
}

async function levelOf(typed: string, ask: Ask): Promise<readonly string[]> {
  const client = await ask();
  const { mounts, auths } = await visibleMounts(client);
  const all = [...mounts, ...auths.map((path) => `auth/${path}`)];
  const folder = typed.slice(0, typed.lastIndexOf('/') + 1);
  if (!all.some((mount) => folder.startsWith(mount))) return all.filter((mount) => mount.startsWith(typed));
  const keys = await listed(await ask(), folder);
  return keys.map((key) => `${folder}${key}`).filter((path) => path.startsWith(typed));
}

async function listed(client: Client, path: string): Promise<string[]> {
  const keys = (await client.list(path))?.data?.['keys'];
  return Array.isArray(keys) ? keys.filter((key: unknown) => typeof key === 'string') : [];
}

async function plugins(client: Client): Promise<string[]> {
  const detailed = (await client.read('sys/plugins/catalog'))?.data?.['detailed'];
  if (!Array.isArray(detailed)) return [];
  return detailed.flatMap((plugin: JsonValue) =>
    isJsonObject(plugin) && typeof plugin['name'] === 'string' ? [plugin['name']] : [],
  );
}

function keysOf(value: JsonValue | undefined): string[] {
  return isJsonObject(value) ? Object.keys(value) : [];
}
