import { CofferError } from '@coffer/base';
import type { Leases, MountTable } from '@coffer/core';
import { definePath, normalizeMountPath, type Path } from '@coffer/framework';
import { mountView, viewsByPath } from './mount-view.ts';
import { mountParts, mountType, NEW_MOUNT_FIELDS } from './new-mount.ts';

/** `sys/mounts`, `sys/mounts/:path`. */
export function mountsPaths(mounts: MountTable, leases: Leases): Path[] {
  return [listMounts(mounts), oneMount(mounts, leases)];
}

function listMounts(mounts: MountTable): Path {
  return definePath({
    pattern: 'mounts',
    fields: {},
    synopsis: 'Lists the mounted secrets engines.',
    read: async () => ({ shape: 'flat', data: viewsByPath(mounts.list(false), mountView) }),
  });
}

function oneMount(mounts: MountTable, leases: Leases): Path {
  return definePath({
    pattern: 'mounts/:path*',
    fields: {
      path: { type: 'string', required: true, description: 'Where to mount: "database".' },
      type: { type: 'string', description: 'The engine\'s type: "database".' },
      ...NEW_MOUNT_FIELDS,
    },
    synopsis: 'Mounts, shows or unmounts a secrets engine.',
    read: async ({ fields }) => {
      const mount = mounts.get(secretsPath(fields.path));
      if (mount === undefined) throw new CofferError('invalid-request', `no secrets engine mounted at ${fields.path}`);
      return { data: mountView(mount) };
    },
    write: async ({ fields }) => {
      const type = mountType(fields, 'missing type: name the engine to mount, as in "database"');
      await mounts.enable(secretsPath(fields.path), type, mountParts(fields));
      return undefined;
    },
    delete: async ({ fields }) => {
      await mounts.disable(secretsPath(fields.path), (path) => leases.revokePrefix(path));
      return undefined;
    },
  });
}

/** Auth methods are mounted at sys/auth, which requires more rights. */
function secretsPath(given: string): string {
  const path = normalizeMountPath(given);
  if (!path.startsWith('auth/')) return path;
  throw new CofferError('permission-denied', `cannot mount ${JSON.stringify(path)}: use sys/auth for auth methods`);
}
