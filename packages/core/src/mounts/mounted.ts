import { CofferError, type Logger, type Metrics, NO_METRICS, timed, ttlBucket } from '@coffer/base';
import {
  type Condition,
  type CreatingLease,
  DEFAULT_USER_LOCKOUT,
  type Engine,
  type EngineContext,
  type EngineFactory,
  type EngineMessage,
  type LeaseIssuer,
  type Mount,
  type TtlLimits,
  type UserLockout,
} from '@coffer/framework';
import type { ChangeKey, Epochs } from '../epochs/epochs.ts';
import type { NodeLife } from '../nodes/node-life.ts';
import { createEntryStorage, type EntryStorageParts } from '../barrier/entry-storage.ts';
import type { Identities } from '../identity/identities.ts';
import { MountIntents } from '../leases/intents.ts';

export interface MountedParts {
  readonly entries: EntryStorageParts;
  readonly epochs: Epochs;
  readonly node?: NodeLife;
  readonly leases: LeaseIssuer;
  readonly identities?: Identities;
  readonly systemTtl: TtlLimits;
  /** Of the users of a type of auth method, where a mount says nothing else. */
  readonly userLockout?: (type: string) => UserLockout;
  readonly policyWarnings: EngineContext['policyWarnings'];
  /** Default: nobody watches. */
  readonly metrics?: Metrics;
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
  /** What must hold when something is issued. */
  readonly stands: readonly Condition[];
  /** Settles with the latest tuning. */
  #tuned: Promise<unknown> = Promise.resolve();

  constructor(mount: Mount, factory: EngineFactory, builtin: boolean, parts: MountedParts) {
    const {
      entries,
      epochs,
      node,
      leases,
      systemTtl,
      userLockout = () => DEFAULT_USER_LOCKOUT,
      policyWarnings,
      metrics = NO_METRICS,
      logger,
    } = parts;
    const { store, barrier } = entries;
    this.mount = mount;
    this.builtin = builtin;
    const active = (): boolean => !this.tainted;
    const stands = builtin ? [] : [standing(mount)];
    this.stands = stands;
    this.engine = factory({
      mount: () => this.mount,
      active,
      stands,
      storage: createEntryStorage(entries, mount.uuid),
      leases: watchedLeases(whileActive(leases, { active, stands, epochs }), metrics, mount),
      catchUp: () => epochs.refresh(),
      tell: async (message) => {
        await epochs.write([this.keyOf(message)], []);
      },
      intents: new MountIntents(store, barrier, mount.uuid, node),
      ttlLimits: () => {
        const { default_lease_ttl: defaultTtl, max_lease_ttl: maxTtl } = this.mount.config;
        // A mount's own maximum replaces the system's, also upwards, as in Vault.
        return [{ defaultTtl, maxTtl }, maxTtl > 0 ? { ...systemTtl, maxTtl: 0 } : systemTtl];
      },
      userLockout: () => lockoutOf(this.mount, userLockout(mount.type)),
      policyWarnings,
      metrics: metrics.with({ mount_point: mount.path }),
      logger: logger.named(mount.path.replace(/\/$/, '').replaceAll('/', '.')),
    });
  }

  /** By which the other nodes know a message to this engine. */
  keyOf({ kind, name }: EngineMessage): ChangeKey {
    return `${kind}/${this.mount.uuid}/${name}`;
  }

  /** Passes on what other nodes have told engines, of the messages to this one. `names`: as `Epochs` has them. */
  hear(kind: EngineMessage['kind'], names: readonly string[] | undefined): void {
    if (names === undefined) return this.engine.heard?.(undefined);
    const own = `${this.mount.uuid}/`;
    for (const name of names) if (name.startsWith(own)) this.engine.heard?.({ kind, name: name.slice(own.length) });
  }

  /** Tunes one after the other, so that each starts from what the last one wrote. */
  inTurn(tune: () => Promise<void>): Promise<void> {
    const done = this.#tuned.then(tune);
    this.#tuned = done.catch(() => undefined);
    return done;
  }
}

/** What a mount says of the lockout of its users, and for the rest what holds for its type. */
export function lockoutOf({ config }: Mount, system: UserLockout): UserLockout {
  const { user_lockout_duration: duration = 0, user_lockout_counter_reset: counterReset = 0 } = config;
  return {
    threshold: config.user_lockout_threshold || system.threshold,
    durationMs: duration * 1000 || system.durationMs,
    counterResetMs: counterReset * 1000 || system.counterResetMs,
    disabled: system.disabled || (config.user_lockout_disable === true && system.isDecided !== true),
  };
}

interface Standing {
  readonly active: () => boolean;
  readonly stands: readonly Condition[];
  readonly epochs: Epochs;
}

/** Its row is there, and nobody is disabling it. */
function standing({ path, accessor }: Mount): Condition {
  return { table: 'mounts', row: { path, accessor, tainted: 0 } };
}

/**
 * Disabling a mount first stops its requests, on every node, and then looks for leases. A request that began before writes its
 * row only while the mount's row says that it stands: that row is locked until the lease can be seen. Here on this node it
 * sees sooner that the mount is being disabled.
 */
function whileActive(leases: LeaseIssuer, { active, stands, epochs }: Standing): LeaseIssuer {
  return {
    async begin(lease, conditions = []) {
      let creating: CreatingLease;
      try {
        creating = await leases.begin(lease, [...stands, ...conditions]);
      } catch (error) {
        // It was the token that is no longer valid, unless another node is disabling the mount.
        await epochs.refresh();
        throw active() ? error : disabled();
      }
      if (active()) return creating;
      await creating.abandon(true);
      throw disabled();
    },
  };
}

/** Counts what is issued. */
function watchedLeases(leases: LeaseIssuer, metrics: Metrics, { path, type }: Mount): LeaseIssuer {
  return {
    async begin(lease, conditions) {
      const creating = await timed(metrics, 'vault.expire.register', () => leases.begin(lease, conditions));
      const ttl = ttlBucket(Math.round((lease.expireTime - lease.issueTime) / 1000));
      return {
        ...creating,
        async activate(data) {
          await creating.activate(data);
          metrics.count('vault.secret.lease.creation', { secret_engine: type, mount_point: path, creation_ttl: ttl });
        },
      };
    },
  };
}

function disabled(): CofferError {
  return new CofferError('permission-denied', 'the secrets engine was disabled during the request');
}
