import { parseSecretResponse } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { goValue } from '../../output/go-value.ts';
import { printWarningsOf } from '../../output/warnings.ts';

export const pluginReload = defineCommand({
  name: 'reload',
  synopsis: 'Restart running plugins',
  usage: '[options]',
  description:
    'Restarts a plugin everywhere it is used, or the plugins of the given mounts. Either -plugin or -mounts is required.',
  examples: [
    { caption: 'Restart the plugins of a mount:', command: 'plugin reload -mounts=database/' },
    { caption: 'Restart a plugin:', command: 'plugin reload -plugin=ysql-plugin' },
  ],
  flags: {
    plugin: { type: 'string', usage: 'The name of the plugin, as the catalog knows it.' },
    mounts: { type: 'list', usage: 'A mount whose plugins to restart. Can be given several times.' },
    scope: {
      type: 'string',
      usage: 'With "global", on every node of the cluster. Default: on the node that gets the request.',
    },
  },
  arguments: { min: 0, max: 0 },
  async run({ connect, flags: { plugin = '', mounts, scope = '' }, ui }) {
    if (plugin === '' && mounts.length === 0)
      throw usageFailure('Not enough arguments: one of -plugin and -mounts is needed');
    if (plugin !== '' && mounts.length > 0)
      throw usageFailure('Too many arguments: only one of -plugin and -mounts can be given');
    if (scope !== '' && scope !== 'global') throw usageFailure(`Invalid reload scope: ${scope}`);
    const client = await connect();
    const body = { plugin, mounts: mounts.length === 0 ? null : mounts, scope };
    const asked = client.request('PUT', 'sys/plugins/reload/backend', { body });
    const answer = await reporting('Error reloading plugin/mounts', asked);
    printWarningsOf(ui, answer);
    const id = scope === 'global' ? parseSecretResponse(answer.body)?.data?.['reload_id'] : undefined;
    const thing = plugin === '' ? `mounts: ${goValue(mounts)}` : `plugin: ${plugin}`;
    ui.output(typeof id === 'string' ? `Success! Reloading ${thing}, reload_id: ${id}` : `Success! Reloaded ${thing}`);
    return 0;
  },
});
