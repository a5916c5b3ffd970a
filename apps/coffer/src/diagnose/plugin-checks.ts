import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, distrust } from '@coffer/base';
import type { ServerConfig } from '../config/server-config.ts';
import type { Check } from './check.ts';

/** Nobody but root, the server's user and whom the configuration names may change what the server starts. */
export async function checkPluginDirectory(
  check: Check,
  { pluginDirectory: directory, pluginTrust: trust }: ServerConfig,
): Promise<void> {
  if (directory === undefined) return check.skip('No plugin_directory is configured.');
  const found = await stat(directory);
  if (!found.isDirectory()) throw new CofferError('failed', `${directory} is not a directory.`);
  const reason = distrust(directory, found, trust);
  if (reason !== undefined) check.fail(reason);
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    const distrusted = distrust(file, await stat(file), trust);
    if (distrusted !== undefined) check.warn(`Cannot be started: ${distrusted}`);
  }
}
