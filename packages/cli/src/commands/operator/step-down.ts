import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

export const operatorStepDown = defineCommand({
  name: 'step-down',
  synopsis: 'Refused: all unsealed nodes are active',
  usage: '[options]',
  description: `
    In Vault, this makes the active node hand over to a standby. In Coffer, every unsealed node is active, so the
    server refuses this and says how to take a node out of service.`,
  examples: [{ caption: 'See the refusal:', command: 'operator step-down' }],
  flags: {},
  arguments: { min: 0, max: 0 },
  async run({ connect, ui }) {
    await reporting('Error stepping down', (await connect()).request('PUT', 'sys/step-down'));
    ui.output('Success! Stepped down.');
    return 0;
  },
});
