import type { ApiError } from '@coffer/client';
import { defineCommand } from '../command.ts';
import { reporting, serverFailure } from '../failure.ts';
import { noValueAt } from '../no-value.ts';
import { trimPath } from '../path.ts';

export const list = defineCommand({
  name: 'list',
  synopsis: 'List data and secrets',
  usage: '[options] PATH',
  description: `
    Lists the names under a path. Not every path can be listed. With -detailed, some paths show more about each name.`,
  examples: [
    { caption: 'List the roles of the database engine:', command: 'list database/roles' },
    { caption: 'List the leases of a role:', command: 'list sys/leases/lookup/database/creds/my-role' },
  ],
  flags: {},
  output: ['format', 'detailed'],
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, detailed, printer }) {
    const path = trimPath(argument);
    const client = await connect();
    let refusal: ApiError | undefined;
    const listing = client.list(path, {}, (thrown) => {
      refusal = thrown;
    });
    const secret = await reporting(`Error listing ${path}`, listing);
    if (secret?.wrapInfo) return printer.secret(secret);
    if (Array.isArray(secret?.data?.['keys']) && secret !== undefined) return printer.list(secret, detailed);
    if (printer.format !== 'table') {
      printer.data({});
      return 2;
    }
    if (secret === undefined) throw noValueAt(path, refusal);
    if (secret.data === null) return printer.secret(secret);
    throw serverFailure(`No entries found at ${path}`);
  },
});
