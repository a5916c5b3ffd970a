import { isJsonObject } from '@coffer/base';
import { defineCommand } from '../../command.ts';
import { reporting, serverFailure } from '../../failure.ts';
import { goValue } from '../../output/go-value.ts';
import { renderTable } from '../../output/table.ts';

const STATUS = 'sys/plugins/reload/backend/status';

export const pluginReloadStatus = defineCommand({
  name: 'reload-status',
  synopsis: 'Show which nodes have reloaded a plugin',
  usage: '[options] RELOAD_ID',
  description:
    'Shows the nodes that have completed a reload with -scope=global. RELOAD_ID is the reload_id that "plugin reload" printed.',
  examples: [
    { caption: 'Show the status of a reload:', command: 'plugin reload-status d60a3e83-a598-4f3a-879d-0ddd95f11d4e' },
  ],
  flags: {},
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, ui }) {
    const client = await connect();
    const id = argument.trim();
    const asked = client.read(STATUS, { reload_id: id });
    const found = await reporting('Error retrieving plugin reload status', asked);
    if (found === undefined) throw serverFailure(`Error retrieving plugin reload status: there is no reload ${id}`);
    const results = found.data?.['results'];
    const rows = Object.entries(isJsonObject(results) ? results : {}).map(([node, result]) => {
      const { timestamp = '', error = '' } = isJsonObject(result) ? result : {};
      const text = goValue(error);
      // The time of day, as Vault prints it.
      return [goValue(timestamp).slice(11, 19), node, String(text === ''), text];
    });
    ui.output(renderTable([['Time', 'Participant', 'Success', 'Message'], ...rows]));
    return 0;
  },
});
