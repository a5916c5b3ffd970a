import { type Client, parseSecretResponse } from '@coffer/client';
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
    { caption: 'Restart a plugin:', command: 'plugin reload -type=database -plugin=ysql-plugin' },
    {
      caption: 'Restart a plugin on every node, and get an ID for its status:',
      command: 'plugin reload -plugin=ysql-plugin -scope=global',
    },
  ],
  flags: {
    plugin: { type: 'string', usage: 'The name of the plugin in the catalog.' },
    type: {
      type: 'string',
      usage:
        'The type of the plugin: auth, database or secret. Not with -mounts. Default: every plugin with this name.',
    },
    mounts: { type: 'list', usage: 'A mount whose plugins to restart. Can be given several times.' },
    scope: {
      type: 'string',
      usage:
        '"global": reload on every node of the cluster, and print a reload_id for "plugin reload-status". Coffer always reloads on every node.',
    },
  },
  arguments: { min: 0, max: 0 },
  async run({ connect, flags: { plugin = '', type = '', mounts, scope = '' }, ui }) {
    checkReload({ plugin, type, mounts, scope });
    const client = await connect();
    const asked = type === '' ? reload(client, plugin, mounts, scope) : reloadTyped(client, type, plugin, scope);
    const answer = await reporting('Error reloading plugin/mounts', asked);
    printWarningsOf(ui, answer);
    const id = scope === 'global' ? parseSecretResponse(answer.body)?.data?.['reload_id'] : undefined;
    const thing = plugin === '' ? `mounts: ${goValue(mounts)}` : `plugin: ${plugin}`;
    ui.output(typeof id === 'string' ? `Success! Reloading ${thing}, reload_id: ${id}` : `Success! Reloaded ${thing}`);
    return 0;
  },
});

function reload(client: Client, plugin: string, mounts: readonly string[], scope: string) {
  const body = { plugin, mounts: mounts.length === 0 ? null : mounts, scope };
  return client.request('PUT', 'sys/plugins/reload/backend', { body });
}

function reloadTyped(client: Client, type: string, plugin: string, scope: string) {
  return client.request('PUT', `sys/plugins/reload/${type}/${plugin}`, { body: { scope } });
}

interface Reload {
  readonly plugin: string;
  readonly type: string;
  readonly mounts: readonly string[];
  readonly scope: string;
}

/** @throws CommandFailure (exit code 1) for what cannot be asked for together */
function checkReload({ plugin, type, mounts, scope }: Reload): void {
  if (plugin === '' && mounts.length === 0) throw usageFailure('Not enough arguments: give -plugin or -mounts');
  if (plugin !== '' && mounts.length > 0)
    throw usageFailure('Too many arguments: give either -plugin or -mounts, not both');
  if (type !== '' && mounts.length > 0) throw usageFailure('Cannot specify -type with -mounts');
  if (!['', 'auth', 'secret', 'database'].includes(type))
    throw usageFailure('Error parsing -type as a plugin type, must be unset or one of auth, secret, or database');
  if (scope !== '' && scope !== 'global')
    throw usageFailure(`Invalid reload scope: ${scope}\nUse "global", or leave it out.`);
}
