import type { Acl } from './acl.ts';
import type { Engine } from './engine.ts';
import type { IncomingRequest, JsonObject } from './logical.ts';
import type { Mount } from './mount.ts';
import type { MountTable } from './mount-table.ts';
import { foldName, MAX_PATH_LENGTH } from './names.ts';
import type { Path, PathParams } from './path.ts';

/** Where a path leads. `path` is absent where its mount has none of that form. */
export interface Route {
  readonly engine: Engine;
  readonly mount: Mount;
  /** Relative to the mount, as sent. */
  readonly relative: string;
  readonly path?: Path;
  readonly params: PathParams;
}

/** The path of a list, and of the help on one, ends in a slash; that of anything else that does leads nowhere. */
export function findRoute(
  mounts: MountTable,
  fullPath: string,
  operation: IncomingRequest['operation'],
): Route | undefined {
  const routed = mounts.route(fullPath);
  if (routed === undefined) return undefined;
  const { engine, mount } = routed;
  const relative = fullPath.slice(mount.path.length);
  const found = findPath(engine.paths, relative, operation);
  return { engine, mount, relative, params: {}, ...found };
}

export function findPath(
  paths: readonly Path[],
  relative: string,
  operation: IncomingRequest['operation'],
): { readonly path: Path; readonly params: PathParams } | undefined {
  const bare = operation === 'list' || operation === 'help' ? relative.replace(/\/$/, '') : relative;
  for (const path of paths) {
    const params = path.match(bare);
    if (params !== undefined) return { path, params };
  }
  return undefined;
}

/** What the URL says wins over the body, for everyone who looks at the data: policy and handler see one value. */
export function dataOf(request: IncomingRequest, params: PathParams): JsonObject {
  const contradicted = Object.keys(params).filter((name) => Object.hasOwn(request.data, name));
  if (contradicted.length === 0) return request.data;
  return { ...request.data, ...Object.fromEntries(contradicted.map((name) => [name, params[name] ?? ''])) };
}

/** Whether an engine folds a name in `path`, as the mounts are now. */
export function foldsNames(mounts: MountTable, path: string): boolean {
  if (path.length > MAX_PATH_LENGTH) return false;
  return (findRoute(mounts, path.replace(/^\/+/, ''), 'list')?.path?.foldedNames ?? []).length > 0;
}

/**
 * An ACL that also asks about a path in lower case where an engine folds a name in it: a rule for `users/boss` or
 * `users/Boss` then counts for every spelling. What is allowed must be allowed as sent too, as in Vault, so this only ever
 * takes away.
 */
export function withFoldedNames(acl: Acl, folds: (path: string) => boolean): Acl {
  return {
    allows: (operation, path, ...rest) =>
      acl.allows(operation, path, ...rest) && (!folds(path) || acl.folded().allows(operation, foldName(path), ...rest)),
    capabilities(path) {
      const sent = acl.capabilities(path);
      if (!folds(path)) return sent;
      const folded = acl.folded().capabilities(foldName(path));
      const both = sent.filter((capability) => folded.includes(capability));
      return both.length > 0 ? both : ['deny'];
    },
    folded: () => acl.folded(),
  };
}
