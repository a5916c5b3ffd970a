import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

export const policyDelete = defineCommand({
  name: 'delete',
  synopsis: 'Delete a policy',
  usage: '[options] NAME',
  description: `
    Deletes a policy. Tokens with this policy lose its permissions at once. The policies "default" and "root" cannot
    be deleted.`,
  examples: [{ caption: 'Delete the policy "my-policy":', command: 'policy delete my-policy' }],
  flags: {},
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, ui }) {
    const name = argument.trim().toLowerCase();
    const client = await connect();
    await reporting(`Error deleting ${name}`, client.delete(`sys/policies/acl/${name}`));
    ui.output(`Success! Deleted policy: ${name}`);
    return 0;
  },
});
