import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { readText } from '../../file.ts';
import { readAll } from '../../stdin.ts';

export const policyWrite = defineCommand({
  name: 'write',
  synopsis: 'Upload a policy from a file',
  usage: '[options] NAME PATH',
  description:
    'Uploads a policy from a file, or from stdin when PATH is "-". An existing policy of that name is replaced.',
  examples: [
    { caption: 'Upload a policy from a file:', command: 'policy write my-policy /tmp/my-policy.hcl' },
    { caption: 'Upload a policy from stdin:', before: 'cat my-policy.hcl | ', command: 'policy write my-policy -' },
  ],
  flags: {},
  arguments: { min: 2, max: 2 },
  async run({ arguments: [argument = '', file = ''], connect, stdin, ui }) {
    const name = argument.trim().toLowerCase();
    const path = file.trim();
    const client = await connect();
    const rules = path === '-' ? await readAll(stdin) : await reporting('Error opening policy file', readText(path));
    await reporting('Error uploading policy', client.write(`sys/policies/acl/${name}`, { policy: rules }));
    if (name !== argument) ui.warn(`Policy name was converted from "${argument}" to "${name}"`);
    ui.output(`Success! Uploaded policy: ${name}`);
    return 0;
  },
});
