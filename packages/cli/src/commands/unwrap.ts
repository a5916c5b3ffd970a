import type { Client, SecretResponse } from '@coffer/client';
import { defineCommand } from '../command.ts';
import { tokenOf } from '../connection.ts';
import { reporting } from '../failure.ts';

export const unwrap = defineCommand({
  name: 'unwrap',
  synopsis: 'Unwrap a wrapped secret',
  usage: '[options] [TOKEN]',
  description: `
    Prints the response behind a wrapping token. A wrapping token can be used once. The default is the token in use.`,
  examples: [{ caption: 'Unwrap a response:', command: 'unwrap s.yoTqSXwoBBriiwNYnBT6Ed0q' }],
  flags: {},
  output: ['field', 'format'],
  arguments: { min: 0, max: 1, expected: '0-1' },
  async run({ arguments: [argument = ''], connect, printer }) {
    const secret = await reporting('Error unwrapping', unwrapToken(await connect(), argument.trim()));
    if (secret === undefined) {
      printer.notice('Successfully unwrapped. There was no data in the wrapped secret.');
      return 0;
    }
    const isList = Array.isArray(secret.data?.['keys']) && printer.field === '';
    return isList ? printer.list(secret, false) : printer.secret(secret);
  },
});

/** Unwraps `token`, or the client's own when it is empty. Without a token of its own, the client uses the one to unwrap. */
export function unwrapToken(client: Client, token: string): Promise<SecretResponse | undefined> {
  const own = tokenOf(client);
  if (token !== '' && own === '') return client.with({ token }).write('sys/wrapping/unwrap', null);
  return client.write('sys/wrapping/unwrap', token === '' || token === own ? null : { token });
}
