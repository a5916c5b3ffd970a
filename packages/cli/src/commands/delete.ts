import { defineCommand } from '../command.ts';
import { readTextArguments } from '../data-arguments.ts';
import { reporting } from '../failure.ts';
import { trimPath } from '../path.ts';

export const deleteCommand = defineCommand({
  name: 'delete',
  synopsis: 'Delete secrets and configuration',
  usage: '[options] PATH [K=V...]',
  description: `
    Deletes the data at a path. The effect depends on the engine mounted there. Further arguments become query
    parameters.`,
  examples: [{ caption: 'Delete a database role:', command: 'delete database/roles/my-role' }],
  flags: {},
  output: ['field', 'format'],
  arguments: { min: 1, expected: 'at least 1' },
  async run({ arguments: [argument = '', ...parameters], connect, printer, stdin }) {
    const path = trimPath(argument);
    const query = await reporting('Failed to parse string list data', readTextArguments(parameters, stdin), 1);
    const client = await connect();
    const secret = await reporting(`Error deleting ${path}`, client.delete(path, query));
    if (secret !== undefined) return printer.secret(secret);
    printer.notice(`Success! Data deleted (if it existed) at: ${path}`);
    return 0;
  },
});
