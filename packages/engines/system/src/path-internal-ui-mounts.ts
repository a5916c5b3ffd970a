import { CofferError } from '@coffer/base';
import type { MountTable, CoreServices } from '@coffer/core';
import { cidrsAllow, definePath, type Mount, type Path, type TokenStore } from '@coffer/framework';
import { mountView, shownPath, viewsByPath } from './mount-view.ts';

interface Caller {
  readonly clientToken: string;
  readonly remoteAddress: string;
}

/**
 * `sys/internal/ui/mounts`, and the same with a path: how a command line or a UI finds out what is mounted there. Served without
 * a token too: everybody sees what is listed for everybody, and a token what it can use besides (pathInternalUIMountsRead of
 * hashicorp/vault:vault/logical_system.go).
 */
export function internalUiMountsPaths(
  mounts: MountTable,
  tokens: TokenStore,
  authority: CoreServices['authority'],
): Path[] {
  /** Whether a caller can use anything in a mount; undefined for one without a token. */
  const accessOf = async ({ clientToken, remoteAddress }: Caller) => {
    if (clientToken === '') return undefined;
    const token = await tokens.lookup(clientToken);
    if (token === undefined || !cidrsAllow(token.boundCidrs ?? [], remoteAddress)) {
      throw new CofferError('permission-denied', 'permission denied');
    }
    const acl = await authority.aclOf(token);
    return ({ path }: Mount) => acl.reaches(path);
  };
  return [
    definePath({
      pattern: 'internal/ui/mounts',
      fields: {},
      unauthenticated: true,
      synopsis: 'Shows the mounts that the token may use, and those with listing_visibility=unauth.',
      read: async (request) => {
        const access = await accessOf(request);
        const view = access === undefined ? publicView : mountView;
        const shown = (auth: boolean) =>
          mounts.list(auth).filter((mount) => mount.config.listing_visibility === 'unauth' || access?.(mount) === true);
        return { data: { auth: viewsByPath(shown(true), view), secret: viewsByPath(shown(false), view) } };
      },
    }),
    definePath({
      pattern: 'internal/ui/mounts/:path*',
      fields: { path: { type: 'string', required: true, description: 'A path below a mount.' } },
      unauthenticated: true,
      synopsis: 'Shows the mount of a path, to a token that can use something in it.',
      read: async (request) => {
        const access = await accessOf(request);
        if (access === undefined) throw new CofferError('permission-denied', 'permission denied');
        const { path } = request.fields;
        const mount = mounts.route(path)?.mount;
        if (mount === undefined || !access(mount)) {
          // The same for what is not there: nobody finds out by asking what is mounted.
          throw new CofferError(
            'permission-denied',
            `preflight capability check returned 403, please ensure client's policies grant access to path ${JSON.stringify(`${path}/`)}`,
          );
        }
        return { data: { ...mountView(mount), path: shownPath(mount) } };
      },
    }),
  ];
}

function publicView({ type, description, options }: Mount) {
  return { type, description, options };
}
