import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

export const policyList = defineCommand({
  name: 'list',
  synopsis: 'List the names of all policies',
  usage: '[options]',
  description: 'Lists the names of all policies.',
  flags: {},
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, printer, ui }) {
    const client = await connect();
    const secret = await reporting('Error listing policies', client.list('sys/policies/acl'));
    const keys = secret?.data?.['keys'];
    const names = Array.isArray(keys) ? keys.filter((key: unknown) => typeof key === 'string') : [];
    if (printer.format !== 'table') return printer.data(names);
    for (const name of names) ui.output(name);
    return 0;
  },
});
