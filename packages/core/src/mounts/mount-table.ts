import { CofferError, errorText, withoutDeadline } from '@coffer/base';
import {
  type Condition,
  type Engine,
  type EngineFactory,
  type Mount,
  normalizeMountPath,
  type PluginType,
} from '@coffer/framework';
import { createEntryStorage } from '../barrier/entry-storage.ts';
import { MountIntents } from '../leases/intents.ts';
import { createMountRows, type MountRow, type MountRows, newMount, withTuning } from './mount-rows.ts';
import { factoryFor, factoryOf, type MountTypes } from './mount-types.ts';
import { inUse, MountedPaths } from './mounted-paths.ts';
import { Mounted, type MountedParts } from './mounted.ts';
import { reloadMounts, reloadPlugin } from './plugin-reload.ts';

/** How a mount is moved. */
export interface Move {
  readonly accessor: string;
  /** Ends what was issued below a path. */
  readonly revoke: (path: string) => Promise<unknown>;
  /** Without this it is not moved in the end. */
  readonly provided: Condition;
}

/**
 * What is mounted where, in memory. The rows are read when the core starts, and again when any node has changed one of them.
 * The core's own mounts (`sys/`, `auth/token/`) are made at every start; their rows hold how they were tuned.
 */
export class MountTable {
  readonly #parts: MountedParts;
  readonly #rows: MountRows;
  readonly #mounted = new MountedPaths();
  readonly #whenRemoved: ((mount: Mount) => Promise<void>)[] = [];
  /** Settle when what another node has disabled is closed. */
  readonly #leaving = new Set<Promise<void>>();
  /** Paths whose mount is being written. */
  readonly #enabling = new Set<string>();
  #isClosed = false;
  #types: MountTypes = { engines: new Map(), authMethods: new Map() };

  constructor(parts: MountedParts) {
    this.#parts = parts;
    const { store, barrier } = parts.entries;
    this.#rows = createMountRows(store, barrier, parts.epochs);
    parts.epochs.follow('mounts', () => this.#follow());
    for (const kind of ['reset', 'reload'] as const) {
      parts.epochs.listen(kind, (names) => {
        for (const mounted of this.#mounted.all()) mounted.hear(kind, names);
      });
    }
  }

  /** Sets what may be mounted from now on. */
  offer(types: MountTypes): void {
    this.#types = types;
  }

  /** Sets what else goes when this node has removed a mount. It may be cut off, and is not done again then. */
  onRemoved(forget: (mount: Mount) => Promise<void>): void {
    this.#whenRemoved.push(forget);
  }

  /** Mounts what the store knows. Of the core's own mounts it knows how they were tuned. */
  async load(): Promise<void> {
    for (const row of await this.#rows.all()) {
      const { mount } = row;
      if (!this.#update(row)) this.#add(mount, factoryOf(this.#types, mount)).tainted = row.tainted;
    }
  }

  /** Brings the table up to date with the rows, which another node may have changed. */
  async #follow(): Promise<void> {
    const rows = await this.#rows.all();
    // Whoever was made now would never be closed.
    if (this.#isClosed) return;
    const standing = new Map(rows.map(({ mount }) => [mount.uuid, mount.path]));
    for (const [path, mounted] of this.#mounted) {
      // One that has moved is another one to its engine, whose leases and requests are of the old path.
      if (!mounted.builtin && standing.get(mounted.mount.uuid) !== path) this.#leaveSoon(path, mounted);
    }
    for (const row of rows) {
      if (this.#update(row)) continue;
      try {
        this.#add(row.mount, factoryOf(this.#types, row.mount)).tainted = row.tainted;
      } catch (error) {
        // A newer version beside this one may know more. That must not keep this one from serving the rest.
        this.#parts.logger.error('cannot serve a mount that another node has enabled', { error: errorText(error) });
      }
    }
  }

  /**
   * Brings the table up to date with what was written here. The answer to that write says less: another node may have written
   * since, and this one may have followed that already. Should it fail, the next request does the same.
   */
  async #takeOver(): Promise<void> {
    await this.#parts.epochs.refresh().catch(() => undefined);
  }

  /** Takes over what a row says of a mount that is there. False when there is none. */
  #update({ mount, tainted }: MountRow): boolean {
    const mounted = this.#mounted.get(mount.path);
    if (mounted === undefined) return false;
    if (mounted.builtin) mounted.mount = withTuning(mounted.mount, mount);
    else {
      mounted.mount = mount;
      // While this node is at it, it knows better.
      if (mounted.ending === undefined) mounted.tainted = tainted;
    }
    return true;
  }

  /** Serves a mount that is gone no longer. */
  async #leave(path: string, mounted: Mounted): Promise<void> {
    mounted.tainted = true;
    this.#mounted.remove(path, mounted);
    await mounted.engine.close();
  }

  /** As {@link #leave}. Requests wait for what follows a change, and those of the mount may be among them: nobody waits for its end. */
  #leaveSoon(path: string, mounted: Mounted): void {
    const left = this.#leave(path, mounted)
      .catch((error: unknown) => this.#parts.logger.error('failed to close a mount', { path, error: errorText(error) }))
      .finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  addBuiltin(mount: Mount, factory: EngineFactory): void {
    this.#add(mount, factory, true);
  }

  /** Every mount, sorted by path, with or without those under `auth/`. */
  list(auth: boolean): Mount[] {
    return this.#mounted.list(auth);
  }

  get(path: string): Mount | undefined {
    return this.#mounted.get(path)?.mount;
  }

  /** Also while it is being unmounted. */
  byUuid(uuid: string): Mount | undefined {
    return this.#mounted.byUuid(uuid);
  }

  /** The mount that has this accessor, with what must hold as long as it stands; not while it is being unmounted. */
  byAccessor(accessor: string): { readonly mount: Mount; readonly stands: readonly Condition[] } | undefined {
    return this.#mounted.byAccessor(accessor);
  }

  /** The mount with the longest path that `path` lies under, unless it is being unmounted. */
  route(path: string): Mounted | undefined {
    const found = this.#mounted.find(path);
    return found?.tainted === true ? undefined : found;
  }

  /** As {@link route}, but also while it is being unmounted: for revocations. */
  engineFor(path: string): Engine | undefined {
    return this.#mounted.find(path)?.engine;
  }

  /** @throws CofferError `invalid-request` for a type that cannot be enabled below `path` */
  requireType(path: string, type: string): void {
    factoryFor(this.#types, path, type);
  }

  /** @throws CofferError `invalid-request` for a path in use or an unknown type */
  async enable(given: string, type: string, rest: Partial<Mount>): Promise<void> {
    const path = normalizeMountPath(given);
    const clash = this.#mounted.clash(path, this.#enabling);
    if (clash !== undefined) throw inUse(clash);
    const mount = newMount(path, type, rest);
    // Refused before anything is written.
    this.requireType(path, type);
    this.#enabling.add(path);
    try {
      const inTheWay = await this.#rows.insert(mount);
      if (inTheWay !== undefined) throw inUse(inTheWay);
      await this.#takeOver();
    } finally {
      this.#enabling.delete(path);
    }
    this.#parts.logger.info('enabled', { path, type });
  }

  /**
   * Unmounts: first it takes no more requests, then `revoke` ends what was issued, then the mount and its entries are removed.
   * When `revoke` rejects, the mount stays as it was. A second call meanwhile waits for the first.
   */
  async disable(given: string, revoke: (path: string) => Promise<unknown>): Promise<void> {
    const path = normalizeMountPath(given);
    const mounted = this.#mounted.get(path);
    if (mounted === undefined) return;
    if (mounted.builtin) throw new CofferError('invalid-request', `cannot unmount ${path}`);
    mounted.tainted = true;
    // A client that gives up while very many leases are revoked must not leave half a mount, as in Vault.
    mounted.ending ??= withoutDeadline(() => this.#unmount(path, mounted, revoke));
    await mounted.ending;
  }

  async #unmount(path: string, mounted: Mounted, revoke: (path: string) => Promise<unknown>): Promise<void> {
    let revoked = false;
    try {
      do {
        await this.#rows.taint(mounted.mount, true);
        await revoke(path);
        // Before its row is gone: nobody would look for them after a crash, and its groups would keep their members.
        await this.#parts.identities?.forgetMount(mounted.mount.accessor);
        // Another node that was at it as well may have failed, and let it stand again meanwhile.
      } while (!(await this.#rows.remove(mounted.mount)));
      revoked = true;
      await this.#leave(path, mounted);
      const { entries, logger } = this.#parts;
      await new MountIntents(entries.store, entries.barrier, mounted.mount.uuid).clear();
      await createEntryStorage(entries, mounted.mount.uuid).clear();
      for (const forget of this.#whenRemoved) await forget(mounted.mount);
      logger.info('disabled', { path });
    } finally {
      if (!revoked) await this.#standAgain(mounted.mount);
      mounted.ending = undefined;
      if (!revoked) await this.#takeOver();
    }
  }

  async #standAgain(mount: Mount): Promise<void> {
    try {
      await this.#rows.taint(mount, false);
    } catch (error) {
      const { path } = mount;
      this.#parts.logger.error('a mount is only partly disabled: disable it again', { path, error: errorText(error) });
    }
  }

  /** The mount at `from`. @throws CofferError `invalid-request` with Vault's text when it cannot be moved to `to` */
  movable(from: string, to: string): Mount {
    const mounted = this.#mounted.get(from);
    if (mounted === undefined || mounted.tainted)
      throw new CofferError('invalid-request', `no matching mount at ${JSON.stringify(from)}`);
    if (mounted.builtin) throw new CofferError('invalid-request', `cannot remount ${JSON.stringify(from)}`);
    const clash = this.#mounted.clash(to, this.#enabling);
    if (clash === undefined) return mounted.mount;
    throw new CofferError('invalid-request', `path already in use at ${JSON.stringify(clash)}`);
  }

  /**
   * Moves a mount: first it takes no more requests, then `revoke` ends what was issued, then it stands at its new path with all
   * that it has stored. When that fails, it stays as it was.
   */
  async move(from: string, to: string, { accessor, revoke, provided }: Move): Promise<void> {
    const mounted = this.#mounted.get(from);
    const isBegun = mounted?.mount.accessor === accessor && (await this.#rows.beginMove(mounted.mount));
    if (!isBegun) throw new CofferError('failed', `no matching mount at ${JSON.stringify(from)}`);
    mounted.tainted = true;
    try {
      await revoke(from);
      const inTheWay = await this.#rows.move(mounted.mount, to, provided);
      if (inTheWay !== undefined) throw inUse(inTheWay);
    } finally {
      await this.standAfterMove(from, accessor);
    }
  }

  /** Lets a mount stand again whose move is over, wherever it is now. */
  async standAfterMove(from: string, accessor: string): Promise<void> {
    await this.#rows.endMove(from, accessor);
    await this.#takeOver();
  }

  /** @throws CofferError `invalid-request` where nothing is mounted, or is being unmounted; and whatever `change` throws */
  async tune(given: string, change: (mount: Mount) => Mount): Promise<void> {
    const path = normalizeMountPath(given);
    const mounted = this.#mounted.get(path);
    const missing = (): CofferError => new CofferError('invalid-request', `no mount at ${path}`);
    if (mounted === undefined) throw missing();
    await mounted.inTurn(async () => {
      if (mounted.tainted) throw missing();
      const tuned = await this.#rows.change(mounted, change);
      if (tuned === undefined) throw missing();
      await this.#takeOver();
    });
  }

  /** See {@link reloadPlugin}. */
  reload(plugin: string, types: readonly PluginType[]): Promise<string[]> {
    return reloadPlugin(this.#parts.epochs, this.#mounted.all(), plugin, types);
  }

  /** See {@link reloadMounts}. */
  reloadMounts(paths: readonly string[]): Promise<void> {
    return reloadMounts(this.#parts.epochs, this.#mounted, paths);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#mounted.all().map(({ engine }) => engine.close()), ...this.#leaving]);
  }

  #add(mount: Mount, factory: EngineFactory, builtin = false): Mounted {
    const mounted = new Mounted(mount, factory, builtin, this.#parts);
    this.#mounted.add(mounted);
    return mounted;
  }
}
