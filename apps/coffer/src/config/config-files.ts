import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, distrust, errorText } from '@coffer/base';
import { HclObject, type HclItem, type HclReport, parseHcl } from '@coffer/hcl';
import { type Environment, environmentSwitch } from './config-values.ts';

/** Stanzas of which there may be several: those of all files count. Of anything else the last file's counts. */
const COLLECTED = new Set(['audit', 'kms_provider', 'listener', 'plugin', 'seal', 'user_lockout']);
/** Of these the longest counts, whichever file it is in. */
const LONGEST = ['default_lease_ttl', 'max_lease_ttl'];

/**
 * What the files say together, merged as Vault does (hashicorp/vault:command/server/config.go Merge). Of a directory all files
 * whose names end in `.hcl` or `.json` are read, sorted by name, and none below. A file that is reached twice is read once.
 *
 * `report` gets each thing that is wrong; what is right all the same is returned.
 */
export async function readConfigFiles(
  paths: readonly string[],
  env: Environment,
  report: HclReport,
): Promise<{ readonly object: HclObject; readonly files: readonly string[] }> {
  const attempt = async <T>(read: () => Promise<T>, path?: string): Promise<T | undefined> => {
    try {
      return await read();
    } catch (thrown) {
      report(unreadable(thrown, path));
      return undefined;
    }
  };
  const isChecked = (await attempt(async () => environmentSwitch(env, 'VAULT_ENABLE_FILE_PERMISSIONS_CHECK'))) ?? false;
  const seen = new Set<string>();
  const read = async (file: string): Promise<HclObject | undefined> => {
    const real = await realpath(file);
    if (seen.has(real)) return undefined;
    seen.add(real);
    if (isChecked) await requireTrust(file);
    return parseConfigText(await readFile(file, 'utf8'), file, report);
  };
  const objects: HclObject[] = [];
  for (const path of paths) {
    for (const file of (await attempt(() => filesOf(path, isChecked), path)) ?? []) {
      const object = await attempt(() => read(file), file);
      if (object !== undefined) objects.push(object);
    }
  }
  return { object: mergeConfigs(objects, report), files: [...seen] };
}

/** One file, or the same from text. @throws CofferError `invalid-request` when it is no HCL */
export function parseConfigText(text: string, name: string, report: HclReport): HclObject {
  const object = parseHcl(text, name, { omissions: 'refuse', report });
  // Vault's older name.
  const hasStorage = object.items.some(({ keys }) => keys[0] === 'storage');
  return hasStorage ? object : object.withItems(object.items.map(renameBackend));
}

function renameBackend(item: HclItem): HclItem {
  const [key, ...labels] = item.keys;
  return key === 'backend' ? { ...item, keys: ['storage', ...labels] } : item;
}

async function filesOf(path: string, isChecked: boolean): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  if (isChecked) await requireTrust(path);
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.filter((entry) => !entry.isDirectory() && isConfig(entry.name)).map(({ name }) => name);
  if (names.length > 0) return names.sort().map((name) => join(path, name));
  throw new CofferError('invalid-request', `the directory "${path}" has no .hcl or .json file`);
}

/** Editors keep copies beside the file. */
function isConfig(name: string): boolean {
  return /\.(hcl|json)$/.test(name) && !name.startsWith('.#');
}

async function requireTrust(path: string): Promise<void> {
  const reason = distrust(path, await stat(path));
  if (reason !== undefined) throw new CofferError('invalid-request', reason);
}

function unreadable(thrown: unknown, path = ''): CofferError {
  if (thrown instanceof CofferError) return thrown;
  const isAbsent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
  const reason = isAbsent ? 'no such file or directory' : errorText(thrown);
  const text = `cannot read the configuration ${JSON.stringify(path)}: ${reason}`;
  return new CofferError('invalid-request', text, { cause: thrown });
}

function mergeConfigs(objects: readonly HclObject[], report: HclReport): HclObject {
  const [first, ...rest] = objects;
  if (first === undefined) return new HclObject([], { line: 1, column: 1 }, report);
  return rest.reduce(merge, first);
}

function merge(former: HclObject, later: HclObject): HclObject {
  const longer = LONGEST.filter((key) => (former.duration(key) ?? 0) > (later.duration(key) ?? 0));
  const kept = later.items.filter(({ keys }) => !longer.includes(keys[0]));
  const replaced = new Set(kept.map(({ keys }) => keys[0]).filter((key) => !COLLECTED.has(key)));
  return former.withItems([...former.items.filter(({ keys }) => !replaced.has(keys[0])), ...kept]);
}
