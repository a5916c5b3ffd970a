import { parseSecretResponse } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { printWarningsOf } from '../../output/warnings.ts';
import { strings } from './answer.ts';

export const operatorSeal = defineCommand({
  name: 'seal',
  synopsis: 'Seal the server',
  usage: '[options]',
  description: `
    Seals the server: its keys are removed from memory, and until it is unsealed, it answers only status requests.
    Leases keep running; those that expire meanwhile are revoked once it is unsealed.

    In a cluster, only the node that you reach is sealed, unless you give -all.`,
  examples: [
    { caption: 'Seal:', command: 'operator seal' },
    { caption: 'Seal every node:', command: 'operator seal -all' },
  ],
  flags: {
    all: { type: 'boolean', usage: 'Seal every node of the cluster.' },
  },
  arguments: { min: 0, max: 0 },
  async run({ connect, flags, ui }) {
    const client = await connect();
    const content = flags.all ? { body: { all: true } } : {};
    const answer = await reporting('Error sealing', client.request('PUT', 'sys/seal', content));
    ui.output('Success! Vault is sealed.');
    const nodes = strings(parseSecretResponse(answer.body)?.data?.['sealed']);
    if (nodes.length > 1) ui.output(`Sealed nodes: ${nodes.join(', ')}`);
    printWarningsOf(ui, answer);
    return 0;
  },
});
