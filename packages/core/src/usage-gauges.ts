import { errorText, type GaugeName, type GaugeValue, type Logger, type Metrics, NO_METRICS } from '@coffer/base';
import type { Mount } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Barrier } from './barrier/barrier.ts';
import type { LockedUsers } from './mounts/locked-users.ts';
import type { MountTable } from './mounts/mount-table.ts';
import {
  countIntents,
  countLeases,
  countTokens,
  type IntentCounts,
  type LeaseCounts,
  type TokenCounts,
} from './usage-counts.ts';

/** How often leases, rotations and locked users are counted, in milliseconds, if that takes no more than a hundredth of the time. */
const OFTEN_MS = 60_000;
const SHARE = 100;
/** The first time: a server that starts has other things to do. */
const FIRST_MS = 2_000;
/** Vault's default of `usage_gauge_period`. */
export const USAGE_PERIOD_MS = 600_000;

export interface UsageGaugesOptions {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly mounts: MountTable;
  readonly lockedUsers: Pick<LockedUsers, 'list'>;
  readonly metrics: Metrics;
  /**
   * How often tokens are counted, which are read one by one, and at most the rest, in milliseconds. 0: nothing is counted at all.
   * Default: 10 minutes.
   */
  readonly periodMs?: number;
  readonly logger: Logger;
}

type Counted = Pick<Mount, 'path'> & LeaseCounts & IntentCounts;

/** Gauges of what is in the store. It is counted from time to time, not when somebody looks; all nodes find the same. */
export class UsageGauges {
  readonly #options: UsageGaugesOptions;
  readonly #stops: (() => void)[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();
  #mounts: readonly Counted[] | undefined;
  #tokens: TokenCounts | undefined;
  #lockedUsers: number | undefined;
  #countedAt: number | undefined;
  #stopped = false;

  constructor(options: UsageGaugesOptions) {
    this.#options = options;
  }

  start(): void {
    const { metrics, periodMs = USAGE_PERIOD_MS } = this.#options;
    if (metrics === NO_METRICS || periodMs === 0) return;
    this.#declare();
    const firstMs = Math.min(FIRST_MS, periodMs);
    this.#soon(firstMs, Math.min(OFTEN_MS, periodMs), () => this.#countMounts());
    this.#soon(firstMs, Math.min(OFTEN_MS, periodMs), () => this.#countLockedUsers());
    this.#soon(firstMs, periodMs, () => this.#countTokens());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const stop of this.#stops.splice(0)) stop();
    await Promise.all(this.#running);
  }

  #declare(): void {
    const gauge = (name: GaugeName, read: () => number | readonly GaugeValue[] | undefined): void => {
      this.#stops.push(this.#options.metrics.gauge(name, read));
    };
    const ofMounts = (name: GaugeName, count: (counted: Counted) => number): void =>
      gauge(name, () =>
        this.#mounts?.map((counted) => ({ labels: { mount_point: counted.path }, value: count(counted) })),
      );
    const sum = (name: GaugeName, count: (counted: Counted) => number): void =>
      gauge(name, () => this.#mounts?.reduce((total, counted) => total + count(counted), 0));
    const ofTokens = (
      name: GaugeName,
      label: string,
      counts: (tokens: TokenCounts) => ReadonlyMap<string, number>,
    ): void =>
      gauge(
        name,
        () => this.#tokens && [...counts(this.#tokens)].map(([key, value]) => ({ labels: { [label]: key }, value })),
      );
    sum('vault.expire.num_leases', ({ leases }) => leases);
    sum('vault.expire.num_irrevocable_leases', ({ irrevocable }) => irrevocable);
    ofMounts('coffer.leases', ({ leases }) => leases);
    ofMounts('coffer.revocations.owed', ({ owed }) => owed);
    ofMounts('coffer.revocations.owed.oldest.seconds', ({ oldestSeconds }) => oldestSeconds);
    ofMounts('coffer.static_roles', ({ planned }) => planned);
    ofMounts('coffer.static_roles.overdue', ({ overdue }) => overdue);
    ofMounts('coffer.intents.open', ({ open }) => open);
    gauge('vault.core.locked_users', () => this.#lockedUsers);
    gauge('vault.token.count', () => this.#tokens?.total);
    ofTokens('vault.token.count.by_policy', 'policy', ({ byPolicy }) => byPolicy);
    ofTokens('vault.token.count.by_auth', 'auth_method', ({ byMethod }) => byMethod);
    ofTokens('vault.token.count.by_ttl', 'creation_ttl', ({ byTtl }) => byTtl);
    gauge('coffer.usage.age.seconds', () =>
      this.#countedAt === undefined ? undefined : (performance.now() - this.#countedAt) / 1000,
    );
  }

  async #countMounts(): Promise<void> {
    const { store, mounts } = this.#options;
    const counted: Counted[] = [];
    for (const mount of mounts.list(false)) {
      if (this.#stopped) return;
      const counts = { ...(await countLeases(store, mount)), ...(await countIntents(store, mount)) };
      counted.push({ path: mount.path, ...counts });
    }
    this.#mounts = counted;
    this.#countedAt = performance.now();
  }

  async #countLockedUsers(): Promise<void> {
    const methods = await this.#options.lockedUsers.list();
    this.#lockedUsers = methods.reduce((total, { users }) => total + users.length, 0);
  }

  async #countTokens(): Promise<void> {
    const { store, barrier, mounts } = this.#options;
    const methodOf = (path: string): string => mounts.route(path)?.mount.type ?? '';
    this.#tokens = await countTokens(store, barrier, methodOf);
  }

  /** Does it again and again, until stopped. What fails leaves what was counted before. */
  #soon(delayMs: number, everyMs: number, count: () => Promise<void>): void {
    const { metrics, logger } = this.#options;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const begin = performance.now();
      const done = count()
        .catch((error: unknown) => {
          metrics.count('coffer.usage.errors.total');
          logger.debug('failed to count the contents of the store', { error: errorText(error) });
        })
        .then(() => {
          this.#running.delete(done);
          if (!this.#stopped) this.#soon(Math.max(everyMs, SHARE * (performance.now() - begin)), everyMs, count);
        });
      this.#running.add(done);
    }, delayMs).unref();
    this.#timers.add(timer);
  }
}
