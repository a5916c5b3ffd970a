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

/** An engine where it is mounted. A request that was routed to it can see here what has become of it since. */
export class Mounted {
  /** As tuned now. */
  mount: Mount;
  /** One of the core's own: made at every start. */
  readonly builtin: boolean;
  /** Being unmounted, or unmounted: serves revocations, no requests. */
  tainted = false;
  /** The unmounting under way, which everybody who asks for it waits for. */
  ending: Promise<void> | undefined;
  readonly engine: Engine;
  /** Settles with the latest tuning. */
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

  /** Tunes one after the other, so that each starts from what the last one wrote. */
  inTurn(tune: () => Promise<void>): Promise<void> {
    const done = this.#tuned.then(tune);
    this.#tuned = done.catch(() => undefined);
    return done;
  }
}

/**
 * Disabling a mount first stops its requests and then looks for leases. A request that began before, and writes its row only
 * after that look, finds here that the mount is being disabled; every other row is found by the look, and waited for.
 */
function whileActive(leases: LeaseIssuer, active: () => boolean): LeaseIssuer {
  return {
    async begin(lease) {
      const creating = await leases.begin(lease);
      if (active()) return creating;
      await creating.abandon(true);
      throw new CofferError('permission-denied', 'the secrets engine was disabled during the request');
    },
  };
}
