import type { CommandGroup } from '../../command.ts';
import { policyDelete } from './delete.ts';
import { policyList } from './list.ts';
import { policyRead } from './read.ts';
import { policyWrite } from './write.ts';

export const policy: CommandGroup = {
  name: 'policy',
  synopsis: 'Manage policies',
  description: 'Policies define which paths a token may use, and how. A token refers to its policies by name.',
  examples: [
    { caption: 'List all policies:', command: 'policy list' },
    { caption: 'Upload a policy from a file:', command: 'policy write my-policy /tmp/my-policy.hcl' },
  ],
  commands: [policyList, policyRead, policyWrite, policyDelete],
};
