import type { PolicyStore } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { POLICY_NAME, policyText } from './policy-text.ts';

/** `sys/policies/acl`, `sys/policies/acl/:name`. */
export function policiesAclPaths(policies: PolicyStore): Path[] {
  return [listPolicies(policies), onePolicy(policies)];
}

function listPolicies(policies: PolicyStore): Path {
  return definePath({
    pattern: 'policies/acl',
    fields: {},
    synopsis: 'Lists the ACL policies.',
    list: async () => ({ data: { keys: await policies.list() } }),
  });
}

function onePolicy(policies: PolicyStore): Path {
  return definePath({
    pattern: 'policies/acl/:name*',
    foldedNames: ['name'],
    fields: {
      name: POLICY_NAME,
      policy: { type: 'string', description: 'The policy in HCL or JSON, plain or base64.' },
    },
    synopsis: 'Reads, writes or deletes an ACL policy.',
    read: async ({ fields }) => {
      const entry = await policies.get(fields.name);
      if (entry === undefined) return undefined;
      return {
        data: {
          allow_slashes_in_identity_templates: false,
          allow_wildcards_in_identity_templates: false,
          cas_required: false,
          modified: entry.modified,
          name: entry.name,
          policy: entry.text,
          version: entry.version,
        },
      };
    },
    write: async ({ fields }) => {
      await policies.put(fields.name, policyText(fields.policy));
      return undefined;
    },
    delete: async ({ fields }) => {
      await policies.delete(fields.name);
      return undefined;
    },
  });
}
