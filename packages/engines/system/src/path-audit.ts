import { CofferError, type JsonObject } from '@coffer/base';
import type { Audit } from '@coffer/core';
import { definePath, normalizeMountPath, type Path } from '@coffer/framework';

/** `sys/audit`, `sys/audit/:path`. */
export function auditPaths(audit: Pick<Audit, 'table' | 'rules'>): Path[] {
  const { table } = audit;
  return [
    definePath({
      pattern: 'audit',
      fields: {},
      sudo: true,
      synopsis: 'Lists the enabled audit devices.',
      read: async () => {
        const views = table.devices.map(({ path, entry: { type, description, local, options } }) => {
          return [path, { description, local, options: { ...options }, path, type }] as const;
        });
        return { shape: 'flat', data: Object.fromEntries(views) };
      },
    }),
    definePath({
      pattern: 'audit/:path*',
      fields: {
        path: { type: 'string', required: true, description: 'The name of the device: "file".' },
        type: { type: 'string', default: '', description: '"file" or "socket".' },
        description: { type: 'string', default: '', description: 'A description, for people.' },
        options: {
          type: 'object',
          default: {},
          description: 'Options of the device: file_path, address, log_raw and more.',
        },
        local: {
          type: 'boolean',
          default: false,
          description: 'Kept and shown, without effect: there is no replication.',
        },
      },
      sudo: true,
      synopsis: 'Enables or disables an audit device.',
      description:
        'An enabled device gets a line for each request and each response. If no device accepts the line, the request is refused.',
      write: async ({ fields: { path, type, description, local, options } }) => {
        if (audit.rules.byApi === false) {
          refuse('cannot enable audit device via API; use declarative, config-based audit device management instead');
        }
        const texts = textsOf(options);
        if (Object.hasOwn(texts, 'prefix') && audit.rules.prefixes !== true)
          refuse('audit log prefixing is not allowed');
        await table.enable(normalizeMountPath(path), { type, description, local, options: texts });
        return undefined;
      },
      delete: async ({ fields }) => {
        await table.disable(normalizeMountPath(fields.path));
        return undefined;
      },
    }),
  ];
}

function textsOf(options: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => {
      if (typeof value !== 'object') return [name, String(value)];
      return refuse(`field "options": ${JSON.stringify(name.slice(0, 100))} must be a string`);
    }),
  );
}

function refuse(message: string): never {
  throw new CofferError('invalid-request', message);
}
