import { CofferError } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, type Mount, normalizeMountPath, type Path } from '@coffer/framework';
import { mountParts, mountType } from './mount-enabling.ts';
import { tunePath } from './mount-tuning.ts';
import { mountView, mountViews } from './mount-view.ts';

const FIELDS = {
  path: { type: 'string', required: true, description: 'Where to enable it: "userpass".' },
  type: { type: 'string', description: 'The method: "approle" or "userpass".' },
  description: { type: 'string', default: '', description: 'Description for people.' },
  config: { type: 'object', default: {}, description: 'default_lease_ttl, max_lease_ttl: TTLs of the tokens.' },
  options: { type: 'object', description: 'Options of the method.' },
  local: { type: 'boolean', default: false, description: 'Kept for compatibility: there is no replication.' },
  seal_wrap: { type: 'boolean', default: false, description: 'Kept for compatibility: every value is sealed.' },
  external_entropy_access: { type: 'boolean', default: false, description: 'Kept for compatibility.' },
  plugin_name: { type: 'string', description: 'Older spelling of type.' },
  plugin_version: { type: 'string', description: 'Kept for compatibility: methods are built in.' },
} as const;

/** `sys/auth`, `sys/auth/:path`, `sys/auth/:path/tune`. */
export function authPaths(services: CoreServices): Path[] {
  return [
    listAuth(services),
    tunePath(services, { pattern: 'auth/:path*/tune', prefix: 'auth/', sudo: true }),
    oneAuth(services),
  ];
}

function listAuth(services: CoreServices): Path {
  return definePath({
    pattern: 'auth',
    fields: {},
    synopsis: 'Lists the enabled auth methods.',
    read: async () => ({ shape: 'flat', data: mountViews(services.mounts.list(true)) }),
  });
}

function oneAuth(services: CoreServices): Path {
  const find = (path: string): Mount | undefined => services.mounts.get(normalizeMountPath(`auth/${path}`));
  return definePath({
    pattern: 'auth/:path*',
    fields: FIELDS,
    sudo: true,
    synopsis: 'Enables, shows or disables an auth method.',
    description: 'Disabling it revokes every token that it issued, and their leases.',
    read: async ({ fields }) => {
      const mount = find(fields.path);
      if (mount === undefined) throw new CofferError('invalid-request', `no auth method enabled at ${fields.path}`);
      return { data: mountView(mount) };
    },
    write: async ({ fields }) => {
      const type = mountType(fields, 'missing type: name the method to enable, as in "approle"');
      await services.mounts.enable(`auth/${fields.path}`, type, mountParts(fields));
      return undefined;
    },
    delete: async ({ fields }) => {
      await services.mounts.disable(`auth/${fields.path}`, (path) => services.tokens.revokeIssuedBelow(path));
      return undefined;
    },
  });
}
