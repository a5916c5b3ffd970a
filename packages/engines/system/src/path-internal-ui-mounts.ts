import { CofferError } from '@coffer/base';
import type { MountTable } from '@coffer/core';
import { definePath, type Mount, type Path } from '@coffer/framework';
import { viewsByPath } from './mount-view.ts';

/** `sys/internal/ui/mounts`, and the same with a path: how a command line or a UI finds out what is mounted there. */
export function internalUiMountsPaths(mounts: MountTable): Path[] {
  const view = (mount: Mount) => ({
    type: mount.type,
    description: mount.description,
    accessor: mount.accessor,
    options: mount.options,
  });
  return [
    definePath({
      pattern: 'internal/ui/mounts',
      fields: {},
      synopsis: 'Shows the mounts.',
      read: async () => ({
        data: { auth: viewsByPath(mounts.list(true), view), secret: viewsByPath(mounts.list(false), view) },
      }),
    }),
    definePath({
      pattern: 'internal/ui/mounts/:path*',
      fields: { path: { type: 'string', required: true, description: 'A path below a mount.' } },
      synopsis: 'Shows the mount that a path lies under.',
      read: async ({ fields }) => {
        const found = mounts.route(fields.path);
        if (found === undefined) throw new CofferError('permission-denied', 'preflight capability check returned 403');
        return { data: { path: found.mount.path, ...view(found.mount) } };
      },
    }),
  ];
}
