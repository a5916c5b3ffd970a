import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

export const operatorStepDown = defineCommand({
  name: 'step-down',
  synopsis: 'Refused: no node leads the others',
  usage: '[options]',
  description: `
    Vault's command makes its active node hand over to a standby. Here every node that is unsealed serves, and none leads, so that
    the server refuses this and says how a node is taken out of service.`,
  examples: [{ caption: 'Be told so:', command: 'operator step-down' }],
  flags: {},
  arguments: { min: 0, max: 0 },
  async run({ connect, ui }) {
    await reporting('Error stepping down', (await connect()).request('PUT', 'sys/step-down'));
    ui.output('Success! Stepped down.');
    return 0;
  },
});
