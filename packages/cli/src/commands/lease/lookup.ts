import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';

export const leaseLookup = defineCommand({
  name: 'lookup',
  synopsis: 'Look up a lease',
  usage: '[options] ID',
  description: 'Shows when a lease was issued and last renewed, when it expires, and whether it is renewable.',
  examples: [{ caption: 'Look up a lease:', command: 'lease lookup database/creds/my-role/2f6a614c' }],
  flags: {},
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '1' },
  async run({ arguments: [argument], connect, printer }) {
    if (argument === undefined) throw usageFailure('Missing ID!');
    const id = argument.trim();
    const client = await connect();
    const secret = await reporting(
      `error looking up lease id ${id}`,
      client.write('sys/leases/lookup', { lease_id: id }),
    );
    return secret === undefined ? 0 : printer.secret(secret);
  },
});
