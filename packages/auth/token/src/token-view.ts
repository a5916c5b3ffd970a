import { formatTime, type JsonObject } from '@coffer/base';
import type { TokenEntry } from '@coffer/core';

/** Seconds that a token has left; 0 for one that never expires. */
export function ttlOf(entry: TokenEntry): number {
  return entry.expireTime === null ? 0 : Math.max(0, Math.floor((entry.expireTime - Date.now()) / 1000));
}

/** The `auth` part of a response. `token` is absent where only the accessor is known. */
export function authView(entry: TokenEntry, token: string, leaseSeconds: number): JsonObject {
  return {
    client_token: token,
    accessor: entry.accessor,
    policies: entry.policies,
    token_policies: entry.policies,
    metadata: entry.meta,
    lease_duration: leaseSeconds,
    renewable: entry.renewable,
    entity_id: '',
    token_type: entry.type,
    orphan: entry.parent === '',
    mfa_requirement: null,
    num_uses: entry.numUses,
  };
}

/** A token as the lookup paths show it. */
export function tokenView(entry: TokenEntry, token: string): JsonObject {
  return {
    accessor: entry.accessor,
    creation_time: Math.floor(entry.creationTime / 1000),
    creation_ttl: entry.creationTtl,
    display_name: entry.displayName,
    entity_id: '',
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
    ttl: ttlOf(entry),
    type: entry.type,
    ...(entry.period > 0 && { period: entry.period }),
    ...(entry.lastRenewal !== null && {
      last_renewal: formatTime(entry.lastRenewal),
      last_renewal_time: Math.floor(entry.lastRenewal / 1000),
    }),
  };
}
