import { CofferError, formatDuration } from '@coffer/base';

/** What bounds a lease or token, in seconds. 0 means "not set here": then the next wider limit counts. */
export interface TtlLimits {
  readonly defaultTtl: number;
  readonly maxTtl: number;
}

/** Vault's system defaults: 768 hours (hashicorp/vault:vault/core.go). */
export const SYSTEM_TTL: TtlLimits = { defaultTtl: 768 * 3600, maxTtl: 768 * 3600 };

export interface TtlQuestion {
  /** Seconds asked for; 0 for the default. */
  readonly increment: number;
  /** From the narrowest to the widest: role, mount, system. */
  readonly limits: readonly TtlLimits[];
  /** Milliseconds since 1970. The ceiling counts from the issue, not from the renewal. */
  readonly issueTime: number;
  readonly now: number;
}
export interface TtlAnswer {
  /** Whole seconds from `now`. */
  readonly ttl: number;
  /** The time beyond which nothing may be extended, in milliseconds since 1970. */
  readonly ceiling: number;
  readonly warnings: readonly string[];
}

/**
 * The TTL that is granted: what was asked for or the narrowest default, cut at the smallest max_ttl counted from the
 * issue, with the warning text of hashicorp/vault:sdk/framework/lease.go.
 *
 * @throws CofferError `invalid-request` when the ceiling has passed
 */
export function grantTtl({ increment, limits, issueTime, now }: TtlQuestion): TtlAnswer {
  const maximums = limits.map((limit) => limit.maxTtl).filter((value) => value > 0);
  const ceiling = issueTime + Math.min(...maximums) * 1000;
  const wanted = increment > 0 ? increment : (limits.find((limit) => limit.defaultTtl > 0)?.defaultTtl ?? 0);
  const left = Math.floor((ceiling - now) / 1000);
  if (left <= 0) throw new CofferError('invalid-request', 'past the max TTL, cannot renew');
  if (wanted <= left) return { ttl: wanted, ceiling, warnings: [] };
  return {
    ttl: left,
    ceiling,
    warnings: [
      `TTL of "${formatDuration(wanted)}" exceeded the effective max_ttl of "${formatDuration(left)}"; TTL value is capped accordingly`,
    ],
  };
}

/** Bounds what is issued at `issueTime` by another end, in milliseconds since 1970, where there is one. For {@link TtlQuestion.limits}. */
export function untilTime(end: number | null | undefined, issueTime: number): readonly TtlLimits[] {
  return end === null || end === undefined
    ? []
    : [{ defaultTtl: 0, maxTtl: Math.max(1, Math.floor((end - issueTime) / 1000)) }];
}

/** Whole seconds until a time in milliseconds since 1970; 0 when it has passed, and for what never ends. */
export function secondsLeft(until: number | null): number {
  return until === null ? 0 : Math.max(0, Math.floor((until - Date.now()) / 1000));
}
