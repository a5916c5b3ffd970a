import { CofferError, didYouMean } from '@coffer/base';
import type { PluginCatalog, PluginEntry } from '@coffer/framework';

const MOST_SHOWN = 10;

/** A plugin that nobody registered and that is not built in: what there is, and how another one comes here. */
export async function pluginNotFound(
  name: string,
  version: string,
  catalog: PluginCatalog,
  directory: string | undefined,
): Promise<CofferError> {
  const registered = (await catalog.list()).filter(({ type }) => type === 'database');
  const builtins = catalog.builtins.filter(({ type }) => type === 'database');
  const names = [...new Set([...builtins, ...registered].map((plugin) => plugin.name))];
  const isKnown = names.includes(name);
  const versions = registered.filter((plugin) => plugin.name === name).map((plugin) => plugin.version || 'none');
  const there = isKnown
    ? `Registered versions of it: ${shown(versions) || 'none'}`
    : `Database plugins here: ${shown(names)}`;
  const meant = isKnown ? undefined : didYouMean(name, names);
  const which = version === '' ? name : `${name}, version=${version}`;
  const add =
    `To add one, ${directory === undefined ? 'set plugin_directory, put its file there' : 'put its file into the plugin directory'} ` +
    `and run "plugin register -sha256=SHA256${version && ` -version=${version}`} database ${name}".`;
  return new CofferError('failed', `plugin not found in the catalog: ${which}. ${meant ?? `${there}. ${add}`}`);
}

function shown(names: readonly string[]): string {
  const more = names.length - MOST_SHOWN;
  return names.slice(0, MOST_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Why a registered plugin's file was not run, with what to do where it is another one than was registered, or is not there. */
export function withRemedy(thrown: unknown, { name, command, version }: PluginEntry, directory = ''): CofferError {
  const error = CofferError.from(thrown);
  const { code, message, cause } = error;
  if (message === 'checksums did not match') {
    const register = `plugin register -sha256=SHA256 -command=${command}${version && ` -version=${version}`} database ${name}`;
    const other = `the file "${command}" in the plugin directory is not the registered one`;
    const text = `${message}: ${other}. If it is the one to run, register it again: "${register}".`;
    return new CofferError(code, text, { cause: thrown });
  }
  const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  if (!isAbsent || !message.startsWith('error while validating the command path')) return error;
  const text = `no such file "${command}" in the plugin directory ${directory}; put the registered one there`;
  return new CofferError(code, text, { cause: thrown });
}
