import { defineCommand } from '../../command.ts';
import { reporting, serverFailure } from '../../failure.ts';

export const policyRead = defineCommand({
  name: 'read',
  synopsis: 'Print a policy',
  usage: '[options] NAME',
  description: 'Prints the rules of a policy.',
  examples: [{ caption: 'Print the policy "my-policy":', command: 'policy read my-policy' }],
  flags: {},
  output: ['format'],
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, printer, ui }) {
    const name = argument.trim().toLowerCase();
    const client = await connect();
    const secret = await reporting(`Error reading policy named ${name}`, client.read(`sys/policies/acl/${name}`));
    const rules = secret?.data?.['policy'];
    if (typeof rules !== 'string' || rules === '') throw serverFailure(`No policy named: ${name}`);
    if (printer.format !== 'table') return printer.data({ policy: rules });
    ui.output(rules.trim());
    return 0;
  },
});
