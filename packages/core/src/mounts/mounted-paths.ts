import { CofferError } from '@coffer/base';
import type { Condition, Mount } from '@coffer/framework';
import type { Mounted } from './mounted.ts';

/**
 * Where Vault has engines of its own that do not exist here. Policies made for Vault let every token use `cubbyhole/` (its
 * default policy does), so nothing else may be mounted there.
 */
const RESERVED_PATHS: readonly string[] = ['audit/', 'cubbyhole/'];

/** The mounts of this node, by path. */
export class MountedPaths {
  readonly #mounted = new Map<string, Mounted>();

  [Symbol.iterator](): IterableIterator<[string, Mounted]> {
    return this.#mounted[Symbol.iterator]();
  }

  get(path: string): Mounted | undefined {
    return this.#mounted.get(path);
  }

  all(): Mounted[] {
    return [...this.#mounted.values()];
  }

  add(mounted: Mounted): void {
    this.#mounted.set(mounted.mount.path, mounted);
  }

  /** Unless another one stands there. */
  remove(path: string, mounted: Mounted): void {
    if (this.#mounted.get(path) === mounted) this.#mounted.delete(path);
  }

  /** Every mount, sorted by path, with or without those under `auth/`. */
  list(auth: boolean): Mount[] {
    return this.all()
      .map(({ mount }) => mount)
      .filter((mount) => mount.path.startsWith('auth/') === auth)
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Also while it is being unmounted. */
  byUuid(uuid: string): Mount | undefined {
    return this.all().find(({ mount }) => mount.uuid === uuid)?.mount;
  }

  /** With what must hold as long as it stands; not while it is being unmounted. */
  byAccessor(accessor: string): { readonly mount: Mount; readonly stands: readonly Condition[] } | undefined {
    const found = this.all().find(({ mount, tainted }) => mount.accessor === accessor && !tainted);
    return found && { mount: found.mount, stands: found.stands };
  }

  /** The one with the longest path that `path` lies under, also while it is being unmounted. */
  find(path: string): Mounted | undefined {
    let longest: Mounted | undefined;
    for (const mounted of this.#mounted.values()) {
      const under = path.startsWith(mounted.mount.path) || `${path}/` === mounted.mount.path;
      if (under && mounted.mount.path.length > (longest?.mount.path.length ?? 0)) longest = mounted;
    }
    return longest;
  }

  /** A path that is taken, at, above or below this one. `enabling`: paths whose mount is being written. */
  clash(path: string, enabling: ReadonlySet<string>): string | undefined {
    return [...this.#mounted.keys(), ...enabling, ...RESERVED_PATHS].find(
      (other) => path.startsWith(other) || other.startsWith(path),
    );
  }
}

/** For a path that is taken. */
export function inUse(path: string): CofferError {
  return new CofferError('invalid-request', `path is already in use at ${path}`);
}
