import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

export const operatorSeal = defineCommand({
  name: 'seal',
  synopsis: 'Seal the server',
  usage: '[options]',
  description: `
    Seals the server: the keys leave its memory, and until it is unsealed again it answers only questions about its status.
    Leases keep running; those that end in the meantime are revoked once it is unsealed.`,
  examples: [{ caption: 'Seal:', command: 'operator seal' }],
  flags: {},
  arguments: { min: 0, max: 0 },
  async run({ connect, ui }) {
    const client = await connect();
    await reporting('Error sealing', client.request('PUT', 'sys/seal'));
    ui.output('Success! Vault is sealed.');
    return 0;
  },
});
