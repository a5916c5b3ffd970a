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
      // Auth methods too, by their full path: clients read them here since it takes no sudo (hashicorp/vault:api/sys_auth.go).
      const path = normalizeMountPath(fields.path);
      const mount = mounts.get(path);
      // Terraform looks for this text to find out that a mount is gone (terraform-provider-vault:util/mountutil).
      if (mount === undefined) throw new CofferError('invalid-request', `No secret engine mount at ${path}`);
      return { shape: 'flat', data: mountView(mount) };
    },
    write: async ({ fields, warnings }) => {
      const type = mountType(fields, 'missing type: name the engine to mount, as in "database"');
      const path = secretsPath(fields.path, 'mount');
      mounts.requireType(path, type);
      await mounts.enable(path, type, mountParts(fields, { path, type }, warnings));
      return undefined;
    },
    delete: async ({ fields }) => {
      await mounts.disable(secretsPath(fields.path, 'unmount'), (path) => leases.revokePrefix(path, { last: true }));
      return undefined;
    },
  });
}

/** Auth methods are mounted at sys/auth, which requires more rights. */
function secretsPath(given: string, verb: 'mount' | 'unmount'): string {
  const path = normalizeMountPath(given);
  if (!path.startsWith('auth/')) return path;
  throw new CofferError('permission-denied', `cannot ${verb} ${JSON.stringify(path)}: use sys/auth for auth methods`);
}
