import type { CoreOptions } from './core-options.ts';
import { type Metrics } from '@coffer/base';
import {
  DEFAULT_USER_LOCKOUT,
  type Cubbyholes,
  type IncomingRequest,
  type OutgoingResponse,
  SYSTEM_TTL,
  type TtlLimits,
  type TokenStore,
} from '@coffer/framework';
import type { Audit } from './audit/audit.ts';
import { createAudit } from './audit/audit-setup.ts';
import { Authority } from './authority.ts';
import { createEntryStorage, entriesOf } from './barrier/entry-storage.ts';
import type { Epochs } from './epochs/epochs.ts';
import { Identities } from './identity/identities.ts';
import { IdentityStore } from './identity/identity-store.ts';
import type { Expiration } from './leases/expiration.ts';
import { createLeaseIssuer } from './leases/lease-issuer.ts';
import { LeaseList } from './leases/lease-list.ts';
import { Leases } from './leases/leases.ts';
import { MountTable } from './mounts/mount-table.ts';
import { ALONE } from './nodes/node-life.ts';
import { createOperatorServices, type OperatorServices } from './operator-services.ts';
import { createPasswordPolicies, type PasswordPolicies } from './policies/password-policies.ts';
import { createPolicyStore, type PolicyStore } from './policies/policies.ts';
import { LockedUsers } from './mounts/locked-users.ts';
import { QUOTAS, Quotas } from './quotas/quotas.ts';
import { createCubbyholes } from './tokens/cubbyholes.ts';
import { CUBBYHOLES, WRAPPED_ANSWERS } from './tokens/token-ending.ts';
import { createTokenStore } from './tokens/tokens.ts';
import { watchedTokens } from './tokens/watched-tokens.ts';
import { createWrapping, type Wrapping } from './tokens/wrapping.ts';

/** What the engines of the core itself work with. */
export interface CoreServices extends OperatorServices {
  readonly mounts: MountTable;
  readonly policies: PolicyStore;
  readonly passwordPolicies: PasswordPolicies;
  readonly identity: IdentityStore;
  readonly tokens: TokenStore;
  readonly cubbyholes: Cubbyholes;
  readonly leases: Leases;
  readonly leaseList: LeaseList;
  readonly wrapping: Wrapping;
  readonly systemTtl: TtlLimits;
  readonly quotas: Quotas;
  readonly lockedUsers: LockedUsers;
  readonly audit: Audit;
  readonly authority: Authority;
}

export interface CoreParts extends CoreOptions {
  readonly epochs: Epochs;
  readonly metrics: Metrics;
  readonly expiration: Expiration;
  /** Revokes what an answer holds that no audit device has taken. */
  readonly takeBack: (request: IncomingRequest, answer: OutgoingResponse) => Promise<void>;
}

/** Makes everything that a core is of, which knows of each other here and nowhere else. */
export function createCoreServices(parts: CoreParts): CoreServices {
  const { store, barrier, epochs, metrics, expiration, logger } = parts;
  const { node = ALONE, systemTtl = SYSTEM_TTL, userLockout = () => DEFAULT_USER_LOCKOUT } = parts;
  const entries = entriesOf(store, barrier, epochs, metrics);
  const wake = (dueAt?: number): void => expiration.wakeLeases(dueAt);
  const identities = new Identities(store, barrier, epochs);
  const tokens = watchedTokens(
    createTokenStore(store, barrier, (dueAt) => expiration.wakeTokens(dueAt), identities),
    metrics,
    (path) => mounts.route(path)?.mount,
  );
  const issuer = createLeaseIssuer(store, barrier, wake, node);
  const policies = createPolicyStore(store, barrier, epochs);
  const mounts: MountTable = new MountTable({
    entries,
    epochs,
    node,
    leases: issuer,
    identities,
    systemTtl,
    userLockout,
    policyWarnings: (names) => policies.warnings(names),
    metrics,
    logger,
  });
  const lockedUsers = new LockedUsers({ entries, mounts, userLockout });
  const leaseList = new LeaseList(store, barrier);
  const leases = new Leases({
    ...{ store, barrier, list: leaseList, tokens, mounts, epochs, node, wake, metrics },
    logger: logger.named('leases'),
  });
  const audit = createAudit({
    ...{ entries, epochs, setup: parts.audit, logger: logger.named('audit') },
    takeBack: parts.takeBack,
  });
  return {
    mounts,
    policies,
    passwordPolicies: createPasswordPolicies(createEntryStorage(entries, 'core/password-policies')),
    identity: new IdentityStore(identities, (accessor) => mounts.byAccessor(accessor)),
    tokens,
    cubbyholes: createCubbyholes(createEntryStorage(entries, CUBBYHOLES)),
    leases,
    leaseList,
    wrapping: createWrapping({
      storage: createEntryStorage(entries, WRAPPED_ANSWERS),
      tokens,
      leases,
      logger: logger.named('wrapping'),
    }),
    ...createOperatorServices({ entries, epochs, mounts, leases, logger, builtinPlugins: parts.builtinPlugins }),
    systemTtl,
    lockedUsers,
    quotas: new Quotas({
      ...{ storage: createEntryStorage(entries, QUOTAS), kept: entries.kept, mounts, metrics },
      audit: (request, error) => audit.refused(request, error),
      logger: logger.named('quotas'),
    }),
    audit,
    authority: new Authority({ policies, identities, mounts }),
  };
}
