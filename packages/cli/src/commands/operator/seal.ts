import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

export const operatorSeal = defineCommand({
  name: 'seal',
  synopsis: 'Seal the server',
  usage: '[options]',
  description: `
    Seals the server: its keys leave memory, and it answers nothing but its status until it is unsealed again. Leases go
    on; those that end meanwhile are revoked after the unsealing.`,
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
