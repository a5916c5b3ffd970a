import { CofferError, type Logger } from '@coffer/base';
import type { Engine, EngineFactory, LeaseIssuer, Mount, TtlLimits } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { createEntryStorage } from '../barrier/entry-storage.ts';
import { MountIntents } from '../leases/intents.ts';

export interface MountedParts {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly leases: LeaseIssuer;
  readonly systemTtl: TtlLimits;
  readonly logger: Logger;
}

/** An engine in its place. Whoever was routed to it sees here what has become of it since. */
export class Mounted {
  /** As it is tuned now. */
  mount: Mount;
  /** Of the core itself: never stored. */
  readonly builtin: boolean;
  /** Being unmounted, or unmounted: serves revocations, no requests. */
  tainted = false;
  /** Ends when it is unmounted, for everybody who asked for that. */
  ending: Promise<void> | undefined;
  readonly engine: Engine;
  /** Settles with the last tuning that was begun. */
  #tuned: Promise<unknown> = Promise.resolve();

  constructor(mount: Mount, factory: EngineFactory, builtin: boolean, parts: MountedParts) {
    const { store, barrier, leases, systemTtl, logger } = parts;
    this.mount = mount;
    this.builtin = builtin;
    const active = (): boolean => !this.tainted;
    this.engine = factory({
      mount: () => this.mount,
      active,
      storage: createEntryStorage(store, barrier, mount.uuid),
      leases: whileActive(leases, active),
      intents: new MountIntents(store, barrier, mount.uuid),
      ttlLimits: () => {
        const { default_lease_ttl: defaultTtl, max_lease_ttl: maxTtl } = this.mount.config;
        // A mount's own maximum replaces the system's, also upwards, as in Vault.
        return [{ defaultTtl, maxTtl }, maxTtl > 0 ? { ...systemTtl, maxTtl: 0 } : systemTtl];
      },
      logger: logger.named(mount.path.replace(/\/$/, '').replaceAll('/', '.')),
    });
  }

  /** One tuning after the other: each begins with what the one before has written. */
  inTurn(tune: () => Promise<void>): Promise<void> {
    const done = this.#tuned.then(tune);
    this.#tuned = done.catch(() => undefined);
    return done;
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
