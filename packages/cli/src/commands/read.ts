import type { ApiError } from '@coffer/client';
import { defineCommand } from '../command.ts';
import { readTextArguments } from '../data-arguments.ts';
import { reporting } from '../failure.ts';
import { noValueAt } from '../no-value.ts';
import { trimPath } from '../path.ts';

export const read = defineCommand({
  name: 'read',
  synopsis: 'Read data and issue credentials',
  usage: '[options] PATH [K=V...]',
  description: `
    Reads a path: stored data, the configuration of an engine, or credentials that the engine issues on request.
    Further arguments become query parameters.`,
  examples: [
    { caption: 'Get credentials for a database role:', command: 'read database/creds/my-role' },
    { caption: 'Print only its password:', command: 'read -field=password database/creds/my-role' },
  ],
  flags: {},
  output: ['field', 'format'],
  raw: true,
  arguments: { min: 1 },
  async run({ arguments: [argument = '', ...parameters], connect, printer, stdin, ui }) {
    const path = trimPath(argument);
    const query = await reporting('Failed to parse K=V data', readTextArguments(parameters, stdin), 1);
    const client = await connect();
    if (printer.format === 'raw') {
      const { text } = await reporting(`Error reading: ${path}`, client.request('GET', path, { query }));
      ui.output(text.trimEnd());
      return 0;
    }
    let refusal: ApiError | undefined;
    const reading = client.read(path, query, (thrown) => {
      refusal = thrown;
    });
    const secret = await reporting(`Error reading ${path}`, reading);
    if (secret === undefined) throw noValueAt(path, refusal);
    return printer.secret(secret);
  },
});
