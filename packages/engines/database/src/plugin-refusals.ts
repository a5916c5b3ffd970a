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
  const versions = registered.filter((plugin) => plugin.name === name).map((plugin) => plugin.version || 'none');
  const there =
    version !== '' && names.includes(name)
      ? `Registered versions of it: ${shown(versions) || 'none'}`
      : `Database plugins here: ${shown(names)}`;
  const meant = didYouMean(
    name,
    names.filter((known) => known !== name),
  );
  const which = version === '' ? name : `${name}, version=${version}`;
  const sentences = [
    `plugin not found in the catalog: ${which}.`,
    ...(meant === undefined ? [] : [meant]),
    `${there}.`,
    directory === undefined
      ? 'To add one, set plugin_directory, put its file there and run'
      : 'To add one, put its file into the plugin directory and run',
    `"plugin register -sha256=SHA256${version && ` -version=${version}`} database ${name}".`,
  ];
  return new CofferError('failed', sentences.join(' '));
}

function shown(names: readonly string[]): string {
  const more = names.length - MOST_SHOWN;
  return names.slice(0, MOST_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** What go-plugin says, and in the same sentence what to do about a plugin's file that is not the registered one, or not there. */
export function withRemedy(thrown: unknown, { name, command, version }: PluginEntry): CofferError {
  const { code, message } = CofferError.from(thrown);
  const register = `plugin register -sha256=SHA256 -command=${command}${version && ` -version=${version}`} database ${name}`;
  const remedy =
    message === 'checksums did not match'
      ? `the file "${command}" is not the one that was registered. If it is the one to run, register it again: "${register}"`
      : undefined;
  return remedy === undefined
    ? CofferError.from(thrown)
    : new CofferError(code, `${message}: ${remedy}`, { cause: thrown });
}
