import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { printWarnings } from '../../output/warnings.ts';
import { catalogPath, parsePluginName, pluginTypeNumber } from './plugin-type.ts';

export const pluginRegister = defineCommand({
  name: 'register',
  synopsis: 'Register a plugin in the catalog',
  usage: '[options] TYPE NAME',
  description: `
    Registers a plugin. Its executable must be in the server's plugin directory, and its SHA-256 is checked at every
    start.`,
  examples: [
    { caption: 'Register a database plugin:', command: 'plugin register -sha256=d3f0a8be database my-plugin' },
    {
      caption: 'Register a plugin that needs arguments:',
      command: 'plugin register \\\n-sha256=d3f0a8be \\\n-args=--verbose \\\ndatabase my-plugin',
    },
  ],
  flags: {
    args: { type: 'list', usage: 'An argument for the executable. Can be given several times.' },
    command: {
      type: 'string',
      usage: 'The executable, relative to the plugin directory. Default: the name of the plugin.',
    },
    env: {
      type: 'list',
      usage: 'An environment variable for the executable, as NAME=value. Can be given several times.',
    },
    sha256: { type: 'string', usage: 'The SHA-256 of the executable, in hexadecimal. Required.' },
    version: {
      type: 'string',
      usage: 'The semantic version of the plugin; must match the version that the plugin reports. Default: no version.',
    },
  },
  arguments: { min: 1, max: 2, expected: '1 or 2' },
  async run({ arguments: words, connect, flags, ui }) {
    if (!flags.sha256) throw usageFailure('SHA256 is required for all plugins, please provide -sha256');
    const plugin = parsePluginName(words);
    const body = {
      type: pluginTypeNumber(plugin.type),
      ...(flags.args.length === 0 ? {} : { args: flags.args }),
      command: flags.command || plugin.name,
      sha256: flags.sha256,
      ...(flags.version ? { version: flags.version } : {}),
      ...(flags.env.length === 0 ? {} : { env: flags.env }),
    };
    const client = await connect();
    const answer = await reporting(`Error registering plugin ${plugin.name}`, client.write(catalogPath(plugin), body));
    printWarnings(ui, answer?.warnings ?? null);
    ui.output(`Success! Registered plugin: ${plugin.name}`);
    return 0;
  },
});
