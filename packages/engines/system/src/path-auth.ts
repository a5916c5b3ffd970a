import { CofferError } from '@coffer/base';
import type { Leases, MountTable } from '@coffer/core';
import { definePath, normalizeMountPath, type Path } from '@coffer/framework';
import { mountView, viewsByPath } from './mount-view.ts';
import { mountParts, mountType, NEW_MOUNT_FIELDS } from './new-mount.ts';

const FIELDS = {
  path: { type: 'string', required: true, description: 'Where to enable it: "userpass".' },
  type: { type: 'string', description: 'The method: "approle", "cert", "jwt", "kubernetes", "oidc" or "userpass".' },
  ...NEW_MOUNT_FIELDS,
} as const;

/** `sys/auth`, `sys/auth/:path`. */
export function authPaths(mounts: MountTable, leases: Leases): Path[] {
  return [listAuth(mounts), oneAuth(mounts, leases)];
}

function listAuth(mounts: MountTable): Path {
  return definePath({
    pattern: 'auth',
    fields: {},
    synopsis: 'Lists the enabled auth methods.',
    read: async () => ({ shape: 'flat', data: viewsByPath(mounts.list(true), mountView) }),
  });
}

function oneAuth(mounts: MountTable, leases: Leases): Path {
  return definePath({
    pattern: 'auth/:path*',
    fields: FIELDS,
    sudo: true,
    synopsis: 'Enables, shows or disables an auth method.',
    description: 'Disabling it revokes every token it has issued, and their leases.',
    read: async ({ fields }) => {
      const path = normalizeMountPath(fields.path);
      const mount = mounts.get(`auth/${path}`);
      if (mount === undefined) throw new CofferError('invalid-request', `No auth engine at ${path}`);
      return { shape: 'flat', data: mountView(mount) };
    },
    write: async ({ fields, warnings }) => {
      const type = mountType(fields, 'missing type: name the method to enable, as in "approle"');
      const path = normalizeMountPath(`auth/${fields.path}`);
      mounts.requireType(path, type);
      await mounts.enable(path, type, mountParts(fields, { path, type }, warnings));
      return undefined;
    },
    delete: async ({ fields }) => {
      await mounts.disable(`auth/${fields.path}`, (path) => leases.revokePrefix(path));
      return undefined;
    },
  });
}
