import { CofferError } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

const NAME = { type: 'string', required: true, description: "The policy's name." } as const;

/** `sys/policies/acl`, `sys/policies/acl/:name`, and the older `sys/policy`. */
export function policiesPaths(services: CoreServices): Path[] {
  return [listAcl(services), oneAcl(services), listLegacy(services), oneLegacy(services)];
}

function listAcl({ policies }: CoreServices): Path {
  return definePath({
    pattern: 'policies/acl',
    fields: {},
    synopsis: 'Lists the ACL policies.',
    list: async () => ({ data: { keys: await policies.list() } }),
  });
}

function oneAcl({ policies }: CoreServices): Path {
  return definePath({
    pattern: 'policies/acl/:name',
    foldedNames: ['name'],
    fields: { name: NAME, policy: { type: 'string', description: 'The policy in HCL or JSON, plain or base64.' } },
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

function listLegacy({ policies }: CoreServices): Path {
  const list = async () => {
    const keys = await policies.list();
    return { shape: 'flat' as const, data: { keys, policies: keys } };
  };
  return definePath({ pattern: 'policy', fields: {}, synopsis: 'Lists the ACL policies.', read: list, list });
}

function oneLegacy({ policies }: CoreServices): Path {
  return definePath({
    pattern: 'policy/:name',
    foldedNames: ['name'],
    fields: {
      name: NAME,
      policy: { type: 'string', description: 'The policy in HCL or JSON.' },
      rules: { type: 'string', description: 'Older spelling of policy.' },
    },
    synopsis: 'Reads, writes or deletes an ACL policy.',
    read: async ({ fields }) => {
      const entry = await policies.get(fields.name);
      return entry && { shape: 'flat', data: { name: entry.name, rules: entry.text } };
    },
    write: async ({ fields }) => {
      await policies.put(fields.name, policyText(fields.policy ?? fields.rules));
      return undefined;
    },
    delete: async ({ fields }) => {
      await policies.delete(fields.name);
      return undefined;
    },
  });
}

function policyText(given: string | undefined): string {
  if (given === undefined || given === '') {
    throw new CofferError('invalid-request', `'policy' parameter not supplied or empty`);
  }
  return plainText(given);
}

/** Vault takes base64 as well. Policies hold braces or quotes, which base64 cannot. */
export function plainText(given: string): string {
  const compact = given.replaceAll(/[\r\n]/g, '');
  const isBase64 = compact.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(compact);
  return isBase64 ? Buffer.from(compact, 'base64').toString('utf8') : given;
}
