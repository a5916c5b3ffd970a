import { CofferError } from '@coffer/base';
import type { Audit } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

/** `sys/config/auditing/request-headers`, `sys/config/auditing/request-headers/:header`. */
export function configAuditingRequestHeadersPaths(headers: Audit['headers']): Path[] {
  return [
    definePath({
      pattern: 'config/auditing/request-headers',
      fields: {},
      sudo: true,
      synopsis: 'Lists the request headers that audit devices log.',
      read: async () => {
        const shown = [...headers.all].map(([name, { hmac }]) => [name, { hmac }] as const);
        return { shape: 'flat', data: { headers: Object.fromEntries(shown) } };
      },
    }),
    definePath({
      pattern: 'config/auditing/request-headers/:header',
      fields: {
        header: { type: 'string', required: true, description: 'Name of the header, in upper or lower case.' },
        hmac: { type: 'boolean', default: false, description: 'Hashes its values.' },
      },
      sudo: true,
      synopsis: 'Sets whether audit devices write a request header.',
      read: async ({ fields: { header } }) => {
        const found = headers.all.get(header.toLowerCase());
        if (found === undefined) throw new CofferError('invalid-request', 'Could not find header in config');
        return { shape: 'flat', data: { [header]: { hmac: found.hmac } } };
      },
      write: async ({ fields }) => {
        await headers.set(fields.header, fields.hmac);
        return undefined;
      },
      delete: async ({ fields }) => {
        await headers.remove(fields.header);
        return undefined;
      },
    }),
  ];
}
