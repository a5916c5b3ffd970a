import { CofferError } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { plainText } from './path-policies.ts';

const NAME = { type: 'string', required: true, description: "The policy's name." } as const;

/** `sys/policies/password` (LIST), `sys/policies/password/:name`, `sys/policies/password/:name/generate`. */
export function passwordPoliciesPaths({ passwordPolicies }: CoreServices): Path[] {
  return [
    definePath({
      pattern: 'policies/password',
      fields: {},
      synopsis: 'Lists the password policies.',
      list: async () => {
        const keys = await passwordPolicies.list();
        if (keys.length === 0) throw new CofferError('not-found', '');
        return { data: { keys } };
      },
    }),
    definePath({
      pattern: 'policies/password/:name',
      fields: {
        name: NAME,
        policy: { type: 'string', description: 'The policy in HCL or JSON: length, and rule "charset" blocks.' },
      },
      synopsis: 'Reads, writes or deletes a password policy.',
      read: async ({ fields }) => {
        const policy = await passwordPolicies.get(fields.name);
        return policy === undefined ? undefined : { data: { policy } };
      },
      write: async ({ fields, warnings }) => {
        if (fields.policy === undefined || fields.policy === '') {
          throw new CofferError('invalid-request', 'missing policy: the text of the password policy');
        }
        const { ignored } = await passwordPolicies.put(fields.name, plainText(fields.policy));
        if (ignored.length > 0) warnings.push(`The policy has keys that mean nothing: [${ignored.join(' ')}]`);
        return undefined;
      },
      delete: async ({ fields }) => {
        await passwordPolicies.delete(fields.name);
        return undefined;
      },
    }),
    definePath({
      pattern: 'policies/password/:name/generate',
      fields: { name: NAME },
      synopsis: 'Generates a password by a policy.',
      read: async ({ fields }) => ({ data: { password: await passwordPolicies.generate(fields.name) } }),
    }),
  ];
}
