import { type IncomingRequest, MAX_PATH_LENGTH, type Path, type PathParams, findPath } from '@coffer/framework';
import type { MountTable } from './mount-table.ts';
import type { Mounted } from './mounted.ts';
import type { JsonObject } from '@coffer/base';

/** Where a path leads. `path` is absent when its mount has none of that form. */
export interface Route {
  readonly mounted: Mounted;
  /** Relative to the mount, as sent. */
  readonly relative: string;
  readonly path?: Path;
  readonly params: PathParams;
}

/** The path of a list, and of help on one, may end in a slash; any other path that does leads nowhere. */
export function findRoute(
  mounts: MountTable,
  fullPath: string,
  operation: IncomingRequest['operation'],
): Route | undefined {
  const mounted = mounts.route(fullPath);
  if (mounted === undefined) return undefined;
  const relative = fullPath.slice(mounted.mount.path.length);
  return { mounted, relative, params: {}, ...findPath(mounted.engine.paths, relative, operation) };
}

/** The URL wins over the body, and for everyone who looks at the data: policy and handler see the same value. */
export function dataOf(request: IncomingRequest, params: PathParams): JsonObject {
  const contradicted = Object.keys(params).filter((name) => Object.hasOwn(request.data, name));
  if (contradicted.length === 0) return request.data;
  return { ...request.data, ...Object.fromEntries(contradicted.map((name) => [name, params[name] ?? ''])) };
}

/** Whether an engine that is mounted now folds a name in `path`. */
export function foldsNames(mounts: MountTable, path: string): boolean {
  if (path.length > MAX_PATH_LENGTH) return false;
  return (findRoute(mounts, path.replace(/^\/+/, ''), 'list')?.path?.foldedNames ?? []).length > 0;
}
