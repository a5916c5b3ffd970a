import { CofferError } from '@coffer/base';
import { multiError, normalizeMountPath, type PluginType } from '@coffer/framework';
import type { ChangeKey, Epochs } from '../epochs/epochs.ts';
import type { MountedPaths } from './mounted-paths.ts';
import type { Mounted } from './mounted.ts';

/**
 * Reloads a plugin of one of `types`, or of any, in every mount that uses it, on every node: the database plugins of an engine
 * by their names, engines and auth methods by their type. Returns the paths of the mounts.
 */
export async function reloadPlugin(
  epochs: Epochs,
  mounts: readonly Mounted[],
  plugin: string,
  types: readonly PluginType[],
): Promise<string[]> {
  const wanted = (type: PluginType): boolean => types.length === 0 || types.includes(type);
  const reloaded: string[] = [];
  const keys: ChangeKey[] = [];
  for (const mounted of mounts) {
    const { engine, builtin } = mounted;
    const { path, type } = mounted.mount;
    const isWhole = type === plugin && !builtin && wanted(path.startsWith('auth/') ? 'auth' : 'secret');
    if (isWhole) await engine.reload?.();
    else if (!wanted('database') || (await engine.reload?.(plugin)) !== true) continue;
    reloaded.push(path);
    keys.push(mounted.keyOf({ kind: 'reload', name: isWhole ? '' : plugin }));
  }
  await tell(epochs, keys);
  return reloaded;
}

/**
 * Reloads every plugin of some mounts, on every node.
 * @throws CofferError `invalid-request` with Vault's text naming all that could not be reloaded; the others are
 */
export async function reloadMounts(epochs: Epochs, mounts: MountedPaths, paths: readonly string[]): Promise<void> {
  const failures: string[] = [];
  const keys: ChangeKey[] = [];
  for (const given of paths) {
    const path = normalizeMountPath(given.startsWith('sys/auth/') ? given.slice('sys/'.length) : given);
    const mounted = mounts.get(path);
    if (mounted === undefined) failures.push(`cannot fetch mount entry on ${JSON.stringify(path)}`);
    else if (mounted.builtin) {
      const why = `singleton plugin cannot be reloaded: ${JSON.stringify(mounted.mount.type)}`;
      failures.push(`cannot reload plugin on ${JSON.stringify(path)}: ${why}`);
    } else {
      await mounted.engine.reload?.();
      keys.push(mounted.keyOf({ kind: 'reload', name: '' }));
    }
  }
  await tell(epochs, keys);
  if (failures.length > 0) throw new CofferError('invalid-request', multiError(failures));
}

async function tell(epochs: Epochs, keys: readonly ChangeKey[]): Promise<void> {
  if (keys.length > 0) await epochs.write(keys, []);
}
