import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { defineCommand } from '../../command.ts';
import { reporting, serverFailure } from '../../failure.ts';
import { orderKeys } from '../../output/document.ts';
import { parsePluginType } from './plugin-type.ts';

export const pluginList = defineCommand({
  name: 'list',
  synopsis: 'List the plugins in the catalog',
  usage: '[options] [TYPE]',
  description: 'Lists the plugins that the server can run, built-in and registered.',
  examples: [{ caption: 'List the database plugins:', command: 'plugin list database' }],
  flags: {
    detailed: { type: 'boolean', usage: 'Also show the type and deprecation status. Tables only.' },
  },
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '0 or 1' },
  async run({ arguments: [word = ''], connect, flags, printer }) {
    const type =
      word.trim() === ''
        ? 'unknown'
        : await reporting('Error parsing type', Promise.resolve(word).then(parsePluginType));
    const client = await connect();
    const secret = await reporting('Error listing available plugins', client.read('sys/plugins/catalog'));
    const data = secret?.data;
    if (data === undefined || data === null) throw serverFailure('No response from server when listing plugins');
    if (type !== 'unknown' && !(type in data))
      throw serverFailure(`Error listing available plugins: no ${type} entry in returned data`);
    const types = type === 'unknown' ? ['auth', 'database', 'secret'] : [type];
    const details = detailsOf(data).filter((plugin) => type === 'unknown' || plugin['type'] === type);
    return printer.rowsOr(
      () => rows(details, flags.detailed, type === 'unknown'),
      () => ({ ...orderKeys(data, Object.fromEntries(types.sort().map((name) => [name, undefined]))), details }),
    );
  },
});

function detailsOf(data: JsonObject): JsonObject[] {
  const listed: JsonValue | undefined = data['detailed'];
  if (!Array.isArray(listed)) return [];
  return listed
    .filter((plugin: unknown) => isJsonObject(plugin))
    .map((plugin) =>
      orderKeys(plugin, { type: '', name: '', version: undefined, builtin: false, deprecation_status: undefined }),
    );
}

function rows(plugins: readonly JsonObject[], detailed: boolean, everyType: boolean): string[][] {
  const columns = [
    ['Name', 'name'],
    ...(detailed || everyType ? [['Type', 'type']] : []),
    ['Version', 'version'],
    ...(detailed ? [['Deprecation Status', 'deprecation_status']] : []),
  ];
  const text = (value: JsonValue | undefined) => (typeof value === 'string' ? value : '');
  return [
    columns.map(([title = '']) => title),
    ...plugins.map((plugin) => columns.map(([, key = '']) => text(plugin[key]))),
  ];
}
