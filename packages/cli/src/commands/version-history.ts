import { isJsonObject } from '@coffer/base';
import { defineCommand } from '../command.ts';
import { reporting, serverFailure } from '../failure.ts';
import { goValue, isList } from '../output/go-value.ts';
import { renderTable } from '../output/table.ts';

export const versionHistory = defineCommand({
  name: 'version-history',
  synopsis: 'Print the version history of the server',
  usage: '[options]',
  description: 'Lists the server versions that have opened the store, with the time of each, oldest first.',
  examples: [{ caption: 'Print the history:', command: 'version-history' }],
  flags: {},
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, printer, ui }) {
    const client = await connect();
    const secret = await reporting('Error reading version history', client.list('sys/version-history'));
    const keys = secret?.data?.['keys'];
    if (secret === undefined || keys === undefined || !isList(keys)) {
      throw serverFailure('Error reading version history: the answer holds no versions');
    }
    if (printer.format !== 'table') return printer.secret(secret);
    const info = secret.data?.['key_info'];
    const rows = keys.map((key) => {
      const version = goValue(key);
      const found = isJsonObject(info) ? info[version] : undefined;
      const { timestamp_installed = '', build_date = '' } = isJsonObject(found) ? found : {};
      return [version, goValue(timestamp_installed), goValue(build_date)];
    });
    ui.output(renderTable([['Version', 'Installation Time', 'Build Date'], ...rows]));
    return 0;
  },
});
