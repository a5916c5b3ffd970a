import { defineCommand } from '../../command.ts';
import { reporting, serverFailure } from '../../failure.ts';
import { orderKeys } from '../../output/document.ts';
import { catalogPath, parsePluginName } from './plugin-type.ts';

export const pluginInfo = defineCommand({
  name: 'info',
  synopsis: 'Show a plugin in the catalog',
  usage: '[options] TYPE NAME',
  description: 'Shows the catalog entry of a plugin: command, arguments and SHA-256.',
  examples: [{ caption: 'Show a database plugin:', command: 'plugin info database ysql-plugin' }],
  flags: {
    version: { type: 'string', usage: 'The version of the plugin. Default: the one without a version.' },
  },
  output: ['field', 'format'],
  arguments: { min: 1, max: 2, expected: '1 or 2' },
  async run({ arguments: words, connect, flags, printer }) {
    const plugin = parsePluginName(words);
    const client = await connect();
    const asked = client.read(catalogPath(plugin), flags.version ? { version: flags.version } : {});
    const data = (await reporting(`Error reading plugin named ${plugin.name}`, asked))?.data;
    if (data === undefined || data === null)
      throw serverFailure(`No value found for plugin ${JSON.stringify(plugin.name)}`);
    const shown = orderKeys(data, {
      args: [],
      builtin: false,
      command: '',
      deprecation_status: '',
      name: '',
      sha256: '',
      version: '',
    });
    return printer.field === '' ? printer.data(shown) : printer.fieldOf(shown, 'map');
  },
});
