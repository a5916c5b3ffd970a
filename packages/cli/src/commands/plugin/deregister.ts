import { defineCommand } from '../../command.ts';
import { reporting, serverFailure } from '../../failure.ts';
import { catalogPath, parsePluginName } from './plugin-type.ts';

const SEMANTIC_VERSION = /^v?\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

export const pluginDeregister = defineCommand({
  name: 'deregister',
  synopsis: 'Remove a plugin from the catalog',
  usage: '[options] TYPE NAME',
  description: 'Removes a plugin from the catalog. It is not an error if the plugin is not registered.',
  examples: [{ caption: 'Remove a database plugin:', command: 'plugin deregister database my-plugin' }],
  flags: {
    version: { type: 'string', usage: 'The version to remove. Default: the one without a version.' },
  },
  arguments: { min: 1, max: 2, expected: '1, or 2' },
  async run({ arguments: words, connect, flags, ui }) {
    const plugin = parsePluginName(words);
    const version = flags.version ?? '';
    if (version !== '' && !SEMANTIC_VERSION.test(version)) {
      throw serverFailure(
        `version ${JSON.stringify(version)} is not a valid semantic version; use a form like "v1.2.3"`,
      );
    }
    const client = await connect();
    await reporting(`Error deregistering plugin named ${plugin.name}`, client.delete(catalogPath(plugin), { version }));
    ui.output(`Success! Deregistered plugin (if it was registered): ${plugin.name}`);
    return 0;
  },
});
