import { defineCommand } from '../../command.ts';
import { readTextArguments } from '../../data-arguments.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { printWarningsOf } from '../../output/warnings.ts';
import { mountPath } from '../../path.ts';

export const auditEnable = defineCommand({
  name: 'enable',
  synopsis: 'Enable an audit device',
  usage: '[options] TYPE [CONFIG K=V...]',
  description: `
    Enables an audit device of type "file" or "socket". Give its options after the type, as key=value pairs.`,
  examples: [
    { caption: 'Write to a file:', command: 'audit enable file file_path=/var/log/audit.log' },
    {
      caption: 'Also send to a collector:',
      command: 'audit enable -path=collector socket address=127.0.0.1:9090',
    },
  ],
  flags: {
    description: { type: 'string', default: '', usage: 'A description, for people.' },
    path: { type: 'string', default: '', usage: 'The path of the device. Default: its type.' },
    local: {
      type: 'boolean',
      usage: 'Mark the device as local. Kept and shown, without effect: there is no replication.',
    },
  },
  arguments: { min: 0, max: Number.POSITIVE_INFINITY },
  async run({ arguments: [argument, ...pairs], connect, flags, io, ui }) {
    if (argument === undefined) {
      throw usageFailure("Error enabling audit device: audit type missing. Valid types include 'file' and 'socket'.");
    }
    const type = argument.trim();
    const path = mountPath(flags.path || type);
    const given = await readTextArguments(pairs, io.stdin);
    const options = Object.fromEntries(Object.entries(given).map(([name, values]) => [name, values.at(-1) ?? '']));
    const client = await connect();
    const body = { type, description: flags.description, options, local: flags.local };
    const asked = client.request('PUT', `sys/audit/${path.replace(/\/$/, '')}`, { body });
    printWarningsOf(ui, await reporting('Error enabling audit device', asked));
    ui.output(`Success! Enabled the ${type} audit device at: ${path}`);
    return 0;
  },
});
