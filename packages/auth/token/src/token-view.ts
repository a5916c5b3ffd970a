import { formatTime, type JsonObject } from '@coffer/base';
import { secondsLeft, shownCidrs, type TokenEntry } from '@coffer/framework';

/** A token as the lookup paths show it. */
export function tokenView(entry: TokenEntry, token: string, identityPolicies: readonly string[]): JsonObject {
  return {
    accessor: entry.accessor,
    creation_time: Math.floor(entry.creationTime / 1000),
    creation_ttl: entry.creationTtl,
    display_name: entry.displayName,
    entity_id: entry.entityId ?? '',
    expire_time: entry.expireTime === null ? null : formatTime(entry.expireTime),
    explicit_max_ttl: entry.explicitMaxTtl,
    id: token,
    issue_time: formatTime(entry.creationTime),
    meta: entry.meta,
    num_uses: entry.usesLeft,
    orphan: entry.parent === '',
    path: entry.path,
    policies: entry.policies,
    renewable: entry.renewable,
    ttl: secondsLeft(entry.expireTime),
    type: entry.type,
    ...(identityPolicies.length > 0 && { identity_policies: identityPolicies, external_namespace_policies: {} }),
    ...(entry.period > 0 && { period: entry.period }),
    ...(entry.role !== undefined && { role: entry.role }),
    ...(entry.boundCidrs !== undefined && { bound_cidrs: shownCidrs(entry.boundCidrs) }),
    ...(entry.lastRenewal !== null && {
      last_renewal: formatTime(entry.lastRenewal),
      last_renewal_time: Math.floor(entry.lastRenewal / 1000),
    }),
  };
}
