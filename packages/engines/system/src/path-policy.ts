import type { PolicyStore } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { POLICY_NAME, policyText } from './policy-text.ts';

/** `sys/policy`, `sys/policy/:name`: an older spelling of `sys/policies/acl`, with answers of its own. */
export function policyPaths(policies: PolicyStore): Path[] {
  return [listPolicies(policies), onePolicy(policies)];
}

function listPolicies(policies: PolicyStore): Path {
  const list = async () => {
    const keys = await policies.list();
    return { shape: 'flat' as const, data: { keys, policies: keys } };
  };
  return definePath({ pattern: 'policy', fields: {}, synopsis: 'Lists the ACL policies.', read: list, list });
}

function onePolicy(policies: PolicyStore): Path {
  return definePath({
    pattern: 'policy/:name*',
    foldedNames: ['name'],
    fields: {
      name: POLICY_NAME,
      policy: { type: 'string', description: 'The policy in HCL or JSON, plain or base64.' },
      rules: { type: 'string', description: 'Older spelling of policy.' },
    },
    synopsis: 'Reads, writes or deletes an ACL policy.',
    read: async ({ fields }) => {
      const entry = await policies.get(fields.name);
      return entry && { shape: 'flat', data: { name: entry.name, rules: entry.text } };
    },
    write: async ({ fields }) => {
      await policies.put(fields.name, policyText(fields.policy || fields.rules));
      return undefined;
    },
    delete: async ({ fields }) => {
      await policies.delete(fields.name);
      return undefined;
    },
  });
}
