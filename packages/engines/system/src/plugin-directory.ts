import { lstat, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { CofferError, distrust, errorText, type FileTrust } from '@coffer/base';
import { checkPluginCommand, type PluginEntry } from '@coffer/framework';

/** Where registered plugins are. */
export interface PluginDirectory {
  /** Absolute. */
  readonly path: string;
  /** Who may own it and its files, and in which mode. */
  readonly trust?: FileTrust;
  /** Starts a plugin and asks which version it is; empty when it does not say. Rejects when it cannot be asked. */
  readonly reportedVersion: (entry: PluginEntry) => Promise<string>;
}

/**
 * The directory that a command is in.
 * @throws CofferError `invalid-request` for a command that may not be run, or is not there
 */
export async function checkCommand(directory: PluginDirectory | undefined, command: string): Promise<PluginDirectory> {
  if (directory === undefined) {
    throw new CofferError(
      'invalid-request',
      'plugin directory is not configured: set plugin_directory, or -dev-plugin-dir in development mode',
    );
  }
  checkPluginCommand(command);
  const path = join(directory.path, command);
  try {
    await lstat(path);
    const [real, root] = await Promise.all([realpath(path), realpath(directory.path)]);
    if (!real.startsWith(root + sep)) {
      throw new CofferError('invalid-request', 'cannot execute files outside of configured plugin directory');
    }
    for (const each of [root, real]) {
      const reason = distrust(each, await stat(each), directory.trust);
      if (reason !== undefined) throw new CofferError('invalid-request', reason);
    }
    return directory;
  } catch (thrown) {
    if (thrown instanceof CofferError) throw thrown;
    const isAbsent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    const reason = isAbsent
      ? `no such file ${JSON.stringify(command)} in the plugin directory ${directory.path}; put it there, or set "command"`
      : errorText(thrown);
    throw new CofferError('invalid-request', `field "command": ${reason}`, { cause: thrown });
  }
}
