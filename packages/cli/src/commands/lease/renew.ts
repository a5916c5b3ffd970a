import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';

export const leaseRenew = defineCommand({
  name: 'renew',
  synopsis: 'Renew a lease',
  usage: '[options] ID',
  description: `
    Renews a lease, so that its credentials stay valid for longer. The credentials do not change. A lease cannot be
    renewed if it has expired, is not renewable, or has reached its maximum TTL.`,
  examples: [{ caption: 'Renew a lease:', command: 'lease renew database/creds/my-role/2f6a614c' }],
  flags: {
    increment: {
      type: 'duration',
      usage: 'Requested TTL from now on. The server may grant less. Default: the TTL of the role.',
    },
  },
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '1-2' },
  async run({ arguments: [argument], connect, flags, printer }) {
    if (argument === undefined) throw usageFailure('Missing ID!');
    const id = argument.trim();
    const client = await connect();
    const body = { increment: Math.max(0, flags.increment ?? 0), lease_id: id };
    const secret = await reporting(`Error renewing ${id}`, client.write('sys/leases/renew', body));
    return secret === undefined ? 0 : printer.secret(secret);
  },
});
