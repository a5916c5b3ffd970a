import type { JsonValue } from '@coffer/base';
import { parseSecretResponse } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { tokenOf } from '../../connection.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { ownValue } from '../../output/document.ts';

export const tokenCapabilities = defineCommand({
  name: 'capabilities',
  synopsis: 'Show what a token may do with a path',
  usage: '[options] [TOKEN] PATH',
  description: 'Shows what a token may do with a path. The default is the token in use.',
  examples: [
    { caption: 'What may the token in use do with a path?', command: 'token capabilities database/creds/my-role' },
  ],
  flags: {},
  output: ['format'],
  arguments: { min: 1, max: 2, expected: '1-2' },
  async run({ arguments: words, connect, printer, ui }) {
    const path = words.at(-1) ?? '';
    const client = await connect();
    const own = tokenOf(client);
    const token = words.length === 2 ? (words[0] ?? '') : own;
    const asked = client.request('POST', token === own ? 'sys/capabilities-self' : 'sys/capabilities', {
      body: { path, token },
    });
    const { body } = await reporting('Error listing capabilities', asked);
    const data = parseSecretResponse(body)?.data ?? {};
    const capabilities = names(ownValue(data, path)) ?? names(data['capabilities']);
    if (capabilities === undefined) throw usageFailure('No capabilities found');
    if (printer.format !== 'table') return printer.data(capabilities);
    ui.output([...capabilities].sort().join(', '));
    return 0;
  },
});

function names(value: JsonValue | undefined): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((element: unknown) => typeof element === 'string') : undefined;
}
