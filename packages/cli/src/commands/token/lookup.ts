import { parseSecretResponse } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';

export const tokenLookup = defineCommand({
  name: 'lookup',
  synopsis: 'Look up a token',
  usage: '[options] [TOKEN | ACCESSOR]',
  description: 'Shows the policies, TTL and origin of a token. The default is the token in use.',
  examples: [
    { caption: 'Look up the token in use:', command: 'token lookup' },
    { caption: 'Look up a token by its accessor:', command: 'token lookup -accessor atmsiQGeDvUIcDptGzEL0ber' },
  ],
  flags: {
    accessor: { type: 'boolean', usage: 'Treat the argument as an accessor. The token itself is not shown.' },
  },
  output: ['field', 'format'],
  arguments: { min: 0 },
  async run({ arguments: words, connect, flags: { accessor }, printer }) {
    if (accessor && words.length < 1) throw usageFailure('Not enough arguments with -accessor (expected 1, got 0)');
    if (accessor && words.length > 1)
      throw usageFailure(`Too many arguments with -accessor (expected 1, got ${words.length})`);
    if (words.length > 1) throw usageFailure(`Too many arguments (expected 0-1, got ${words.length})`);
    const named = words[0]?.trim() ?? '';
    const client = await connect();
    const asked =
      named === ''
        ? client.request('GET', 'auth/token/lookup-self')
        : accessor
          ? client.request('POST', 'auth/token/lookup-accessor', { body: { accessor: named } })
          : client.request('POST', 'auth/token/lookup', { body: { token: named } });
    const secret = parseSecretResponse((await reporting('Error looking up token', asked)).body);
    return secret === undefined ? 0 : printer.secret(secret);
  },
});
