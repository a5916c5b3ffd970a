import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CofferError, distrust, errorText, type Logger } from '@coffer/base';
import type { Core } from '@coffer/core';
import { probeDatabasePlugin } from '@coffer/engine-database';

/**
 * Registers every executable in `directory` that turns out to be a database plugin, under its file name, as Vault's
 * -dev-plugin-dir does. The others are named in the log and left out.
 *
 * @throws CofferError `failed` when the directory cannot be read, or others can write to it
 */
export async function registerPluginDirectory(core: Core, directory: string, logger: Logger): Promise<string[]> {
  const registered: string[] = [];
  for (const name of (await listFiles(directory)).sort()) {
    const file = join(directory, name);
    if (!(await isExecutable(file))) continue;
    const sha256 = await sha256Of(file);
    const entry = { name, type: 'database', command: name, args: [], env: [], sha256, version: '' } as const;
    try {
      await probeDatabasePlugin(directory, entry, logger);
      await core.services.plugins.register(entry);
      registered.push(name);
    } catch (error) {
      logger.info('not a database plugin', { file, reason: errorText(error).split('\n')[0] });
    }
  }
  return registered;
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    const reason = distrust(directory, await stat(directory));
    if (reason !== undefined) throw new Error(reason);
    return await readdir(directory);
  } catch (error) {
    throw new CofferError('failed', `-dev-plugin-dir: ${errorText(error)}`, { cause: error });
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
