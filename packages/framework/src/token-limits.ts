import { CofferError, formatGoDuration } from '@coffer/base';
import type { TokenParameters } from './token-parameters.ts';
import type { TtlLimits } from './ttl.ts';

/**
 * A warning for each TTL of a role or user that its mount will cut, when it is written. In the words of Vault's approle: each of its
 * methods has others. `longPeriod`: what becomes of a period that is too long, which most methods refuse.
 *
 * @throws CofferError `invalid-request` for such a period
 */
export function checkTokenLimits(
  { ttl, maxTtl, period }: TokenParameters,
  limits: readonly TtlLimits[],
  longPeriod: 'refuse' | 'warn' = 'refuse',
): string[] {
  const longest = Math.min(...limits.map((limit) => limit.maxTtl).filter((each) => each > 0));
  const warnings: string[] = [];
  if (period > longest) {
    const said = `period of "${formatGoDuration(period)}" is greater than the backend's maximum lease TTL of "${formatGoDuration(longest)}"`;
    if (longPeriod === 'refuse') throw new CofferError('invalid-request', said);
    warnings.push(`${said}; issued tokens' period will be truncated`);
  }
  const cut = (name: string, what: string): string =>
    `${name} is greater than the backend mount's maximum TTL value; issued tokens' ${what} value will be truncated`;
  if (maxTtl > longest) warnings.push(cut('token_max_ttl', 'max TTL'));
  if (ttl > longest) warnings.push(cut('token_ttl', 'TTL'));
  return warnings;
}
