import { CofferError } from '@coffer/base';
import type { PasswordPolicies } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { plainText, POLICY_NAME } from './policy-text.ts';

/** `sys/policies/password` (LIST), `sys/policies/password/:name`, `sys/policies/password/:name/generate`. */
export function policiesPasswordPaths(policies: PasswordPolicies): Path[] {
  return [
    definePath({
      pattern: 'policies/password',
      fields: {},
      synopsis: 'Lists the password policies.',
      list: async () => ({ data: { keys: await policies.list() } }),
    }),
    definePath({
      pattern: 'policies/password/:name*/generate',
      fields: { name: POLICY_NAME },
      synopsis: 'Generates a password that follows a policy.',
      read: async ({ fields }) => ({ data: { password: await policies.generate(fields.name) } }),
    }),
    definePath({
      pattern: 'policies/password/:name*',
      fields: {
        name: POLICY_NAME,
        policy: {
          type: 'string',
          description: 'The policy in HCL or JSON, plain or base64: length, and rule "charset" blocks.',
        },
      },
      synopsis: 'Reads, writes or deletes a password policy.',
      read: async ({ fields }) => {
        const policy = await policies.get(fields.name);
        return policy === undefined ? undefined : { data: { policy } };
      },
      write: async ({ fields, warnings }) => {
        if (fields.policy === undefined || fields.policy === '') {
          throw new CofferError('invalid-request', 'missing policy: the text of the password policy');
        }
        const { ignored } = await policies.put(fields.name, plainText(fields.policy));
        if (ignored.length > 0) warnings.push(`The policy has keys without effect: [${ignored.join(' ')}]`);
        return undefined;
      },
      delete: async ({ fields }) => {
        await policies.delete(fields.name);
        return undefined;
      },
    }),
  ];
}
