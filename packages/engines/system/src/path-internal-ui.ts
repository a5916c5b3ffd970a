import { CofferError } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, type Mount, type Path } from '@coffer/framework';

/** `sys/internal/ui/mounts`: what command lines and UIs ask before they know what a path is. */
export function internalUiPaths(services: CoreServices): Path[] {
  const view = (mount: Mount) => ({
    type: mount.type,
    description: mount.description,
    accessor: mount.accessor,
    options: mount.options,
  });
  const views = (auth: boolean) =>
    Object.fromEntries(services.mounts.list(auth).map((mount) => [mount.path.replace(/^auth\//, ''), view(mount)]));
  return [
    definePath({
      pattern: 'internal/ui/mounts',
      fields: {},
      synopsis: 'Shows the mounts.',
      read: async () => ({ data: { auth: views(true), secret: views(false) } }),
    }),
    definePath({
      pattern: 'internal/ui/mounts/:path*',
      fields: { path: { type: 'string', required: true, description: 'A path below a mount.' } },
      synopsis: 'Shows the mount that a path lies under.',
      read: async ({ fields }) => {
        const found = services.mounts.route(fields.path);
        if (found === undefined) throw new CofferError('permission-denied', 'preflight capability check returned 403');
        return { data: { path: found.mount.path, ...view(found.mount) } };
      },
    }),
  ];
}
