import { parseSecretResponse } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

export const tokenRenew = defineCommand({
  name: 'renew',
  synopsis: 'Renew a token',
  usage: '[options] [TOKEN | ACCESSOR]',
  description: `
    Renews a token, so that it stays valid for longer. The default is the token in use. A token cannot be renewed if
    it is not renewable, has been revoked, or has reached its maximum TTL.`,
  examples: [
    { caption: 'Renew the token in use:', command: 'token renew' },
    { caption: 'Request half an hour:', command: 'token renew -increment=30m' },
  ],
  flags: {
    accessor: { type: 'boolean', usage: 'Treat the argument as an accessor. The token itself is not shown.' },
    increment: {
      type: 'duration',
      aliases: ['i'],
      usage: "Requested TTL from now on. The server may grant less. Default: the token's own TTL.",
    },
  },
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '1' },
  async run({ arguments: [argument = ''], connect, flags, printer }) {
    const named = argument.trim();
    const increment = Math.max(0, flags.increment ?? 0);
    const client = await connect();
    const asked =
      named === ''
        ? client.request('PUT', 'auth/token/renew-self', { body: { increment } })
        : flags.accessor
          ? client.request('POST', 'auth/token/renew-accessor', { body: { accessor: named, increment } })
          : client.request('PUT', 'auth/token/renew', { body: { increment, token: named } });
    const secret = parseSecretResponse((await reporting('Error renewing token', asked)).body);
    return secret === undefined ? 0 : printer.secret(secret);
  },
});
