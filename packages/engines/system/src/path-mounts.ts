import { CofferError } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, normalizeMountPath, type Path } from '@coffer/framework';
import { mountParts, mountType } from './mount-enabling.ts';
import { tunePath } from './mount-tuning.ts';
import { mountView, mountViews } from './mount-view.ts';

/** `sys/mounts`, `sys/mounts/:path`, `sys/mounts/:path/tune`. */
export function mountsPaths(services: CoreServices): Path[] {
  return [
    listMounts(services),
    tunePath(services, { pattern: 'mounts/:path*/tune', prefix: '', sudo: false }),
    oneMount(services),
  ];
}

function listMounts(services: CoreServices): Path {
  return definePath({
    pattern: 'mounts',
    fields: {},
    synopsis: 'Lists the mounted secrets engines.',
    read: async () => ({ shape: 'flat', data: mountViews(services.mounts.list(false)) }),
  });
}

function oneMount(services: CoreServices): Path {
  return definePath({
    pattern: 'mounts/:path*',
    fields: {
      path: { type: 'string', required: true, description: 'Where to mount: "database".' },
      type: { type: 'string', description: 'The engine\'s type: "database".' },
      description: { type: 'string', default: '', description: 'Description for people.' },
      config: { type: 'object', default: {}, description: 'default_lease_ttl, max_lease_ttl, force_no_cache.' },
      options: { type: 'object', description: 'Options of the engine.' },
      local: { type: 'boolean', default: false, description: 'Kept for compatibility: there is no replication.' },
      seal_wrap: { type: 'boolean', default: false, description: 'Kept for compatibility: every value is sealed.' },
      external_entropy_access: { type: 'boolean', default: false, description: 'Kept for compatibility.' },
      plugin_name: { type: 'string', description: 'Older spelling of type.' },
      plugin_version: { type: 'string', description: 'Kept for compatibility: engines are built in.' },
    },
    synopsis: 'Mounts, shows or unmounts a secrets engine.',
    read: async ({ fields }) => {
      const mount = services.mounts.get(secretsPath(fields.path));
      if (mount === undefined) throw new CofferError('invalid-request', `no secrets engine mounted at ${fields.path}`);
      return { data: mountView(mount) };
    },
    write: async ({ fields }) => {
      const type = mountType(fields, 'missing type: name the engine to mount, as in "database"');
      await services.mounts.enable(secretsPath(fields.path), type, mountParts(fields));
      return undefined;
    },
    delete: async ({ fields }) => {
      await services.mounts.disable(secretsPath(fields.path), (path) => services.leases.revokePrefix(path));
      return undefined;
    },
  });
}

/** Auth methods are mounted at sys/auth, which needs more rights. */
function secretsPath(given: string): string {
  const path = normalizeMountPath(given);
  if (!path.startsWith('auth/')) return path;
  throw new CofferError('permission-denied', `cannot mount ${JSON.stringify(path)}: use sys/auth for auth methods`);
}
