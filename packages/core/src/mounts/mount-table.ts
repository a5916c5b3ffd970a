import { CofferError, errorText, type Logger, withoutDeadline } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import {
  type Engine,
  type EngineFactory,
  type TtlLimits,
  type LeaseIssuer,
  type Mount,
  normalizeMountPath,
} from '@coffer/framework';
import { createEntryStorage } from '../barrier/entry-storage.ts';
import { createIntents } from '../leases/intents.ts';
import { createMountRows, type MountRows, newMount } from './mount-rows.ts';

export interface MountTableOptions {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly leases: LeaseIssuer;
  /** What may be mounted, by type. */
  readonly factories: ReadonlyMap<string, EngineFactory>;
  /** What may be mounted below `auth/`, by type. */
  readonly authFactories: ReadonlyMap<string, EngineFactory>;
  readonly systemTtl: TtlLimits;
  readonly logger: Logger;
}

/**
 * Where Vault has engines of its own that are not here. Every policy made for Vault gives all tokens what lies below
 * `cubbyhole/` (its default policy does), so that nothing else may be mounted there.
 */
const RESERVED_PATHS: readonly string[] = ['audit/', 'cubbyhole/', 'identity/'];

interface Mounted {
  mount: Mount;
  readonly engine: Engine;
  readonly builtin: boolean;
  /** Being unmounted: serves revocations, no requests. */
  tainted: boolean;
}

/** What is mounted where. Mounts of the core itself (`sys/`, `auth/token/`) are made at every start and never stored. */
export class MountTable {
  readonly #options: MountTableOptions;
  readonly #rows: MountRows;
  readonly #mounted = new Map<string, Mounted>();
  /** Paths whose mount is being written. */
  readonly #enabling = new Set<string>();

  constructor(options: MountTableOptions) {
    this.#options = options;
    this.#rows = createMountRows(options.store, options.barrier);
  }

  /** Mounts what the store knows. */
  async load(): Promise<void> {
    for (const mount of await this.#rows.all()) this.#add(mount, this.#factoryOf(mount));
  }

  addBuiltin(mount: Mount, factory: EngineFactory): void {
    this.#add(mount, factory, true);
  }

  /** Every mount, sorted by path, with or without those under `auth/`. */
  list(auth: boolean): Mount[] {
    return [...this.#mounted.values()]
      .map(({ mount }) => mount)
      .filter((mount) => mount.path.startsWith('auth/') === auth)
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  get(path: string): Mount | undefined {
    return this.#mounted.get(path)?.mount;
  }

  /** The mount with the longest path that `path` lies under, unless it is being unmounted. */
  route(path: string): { mount: Mount; engine: Engine } | undefined {
    const found = this.#find(path);
    return found === undefined || found.tainted ? undefined : found;
  }

  /** As {@link route}, also while unmounting: for revocations. */
  engineFor(path: string): Engine | undefined {
    return this.#find(path)?.engine;
  }

  /** @throws CofferError `invalid-request` for a path in use or an unknown type */
  async enable(given: string, type: string, rest: Partial<Mount>): Promise<void> {
    const path = normalizeMountPath(given);
    const clash = [...this.#mounted.keys(), ...this.#enabling, ...RESERVED_PATHS].find(
      (other) => path.startsWith(other) || other.startsWith(path),
    );
    if (clash !== undefined) throw new CofferError('invalid-request', `path is already in use at ${clash}`);
    const mount = newMount(path, type, rest);
    const factory = this.#factory(path, type);
    this.#enabling.add(path);
    try {
      await this.#rows.save(mount);
      this.#add(mount, factory);
    } finally {
      this.#enabling.delete(path);
    }
    this.#options.logger.info('enabled', { path, type });
  }

  /**
   * Unmounts: no requests from here on, then `revoke` ends what was issued, then the mount and its entries go.
   * When `revoke` rejects the mount stays as it was.
   */
  async disable(given: string, revoke: (path: string) => Promise<void>): Promise<void> {
    const path = normalizeMountPath(given);
    const mounted = this.#mounted.get(path);
    if (mounted === undefined) return;
    if (mounted.builtin) throw new CofferError('invalid-request', `cannot unmount ${path}`);
    mounted.tainted = true;
    // A client that does not wait for the end of very many leases must not leave half a mount, as in Vault.
    await withoutDeadline(() => this.#unmount(path, mounted, revoke));
  }

  async #unmount(path: string, mounted: Mounted, revoke: (path: string) => Promise<void>): Promise<void> {
    try {
      await revoke(path);
    } catch (error) {
      mounted.tainted = false;
      throw error;
    }
    await this.#rows.remove(path);
    this.#mounted.delete(path);
    await mounted.engine.close();
    const { store, barrier } = this.#options;
    await createIntents(store, barrier, mounted.mount.uuid).clear();
    await createEntryStorage(store, barrier, mounted.mount.uuid).clear();
    this.#options.logger.info('disabled', { path });
  }

  async tune(given: string, change: (mount: Mount) => Mount): Promise<void> {
    const mounted = this.#mounted.get(normalizeMountPath(given));
    if (mounted === undefined) throw new CofferError('invalid-request', `no mount at ${normalizeMountPath(given)}`);
    mounted.mount = change(mounted.mount);
    if (!mounted.builtin) await this.#rows.save(mounted.mount);
  }

  /** Reloads a plugin in every mount below one of `paths`, or in all. Returns the mounts that used it. */
  async reload(plugin: string, paths: readonly string[]): Promise<string[]> {
    const wanted = paths.map(normalizeMountPath);
    const reloaded: string[] = [];
    for (const [path, { engine }] of this.#mounted) {
      if (wanted.length > 0 && !wanted.includes(path)) continue;
      if ((await engine.reload?.(plugin)) === true) reloaded.push(path);
    }
    return reloaded;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#mounted.values()].map(({ engine }) => engine.close()));
  }

  /** @throws CofferError `failed` naming a mount that this version cannot serve: without it, what it issued is not revoked */
  #factoryOf({ path, type }: Mount): EngineFactory {
    try {
      return this.#factory(path, type);
    } catch (cause) {
      throw new CofferError('failed', `the mount ${path}: ${errorText(cause)}`, { cause });
    }
  }

  #factory(path: string, type: string): EngineFactory {
    const { factories, authFactories } = this.#options;
    const candidates = path.startsWith('auth/') ? authFactories : factories;
    const factory = candidates.get(type);
    if (factory !== undefined) return factory;
    const known = [...candidates.keys()].join(', ');
    throw new CofferError(
      'invalid-request',
      `plugin not found in the catalog: ${type} (what can be enabled: ${known})`,
    );
  }

  #add(mount: Mount, factory: EngineFactory, builtin = false): void {
    const { store, barrier, leases, systemTtl, logger } = this.#options;
    const current = (): Mount => this.#mounted.get(mount.path)?.mount ?? mount;
    const active = (): boolean => {
      const mounted = this.#mounted.get(mount.path);
      return mounted?.engine === engine && !mounted.tainted;
    };
    const engine: Engine = factory({
      mount: current,
      active,
      storage: createEntryStorage(store, barrier, mount.uuid),
      leases: whileActive(leases, active),
      intents: createIntents(store, barrier, mount.uuid),
      ttlLimits: () => {
        const { default_lease_ttl: defaultTtl, max_lease_ttl: maxTtl } = current().config;
        // A mount's own maximum replaces the system's, also upwards, as in Vault.
        return [{ defaultTtl, maxTtl }, maxTtl > 0 ? { ...systemTtl, maxTtl: 0 } : systemTtl];
      },
      logger: logger.named(mount.path.replace(/\/$/, '').replaceAll('/', '.')),
    });
    this.#mounted.set(mount.path, { mount, engine, builtin, tainted: false });
  }

  #find(path: string): Mounted | undefined {
    let longest: Mounted | undefined;
    for (const mounted of this.#mounted.values()) {
      const under = path.startsWith(mounted.mount.path) || `${path}/` === mounted.mount.path;
      if (under && mounted.mount.path.length > (longest?.mount.path.length ?? 0)) longest = mounted;
    }
    return longest;
  }
}

/**
 * Disabling a mount stops its requests first and then looks for leases. One that began before and whose intent is not yet
 * there when it looks finds here that the mount is being disabled; any other intent is found by that look, and waited for.
 */
function whileActive(leases: LeaseIssuer, active: () => boolean): LeaseIssuer {
  return {
    async begin(intent) {
      const begun = await leases.begin(intent);
      if (active()) return begun;
      await begun.abandon(true);
      throw new CofferError('permission-denied', 'the secrets engine was disabled during the request');
    },
  };
}
