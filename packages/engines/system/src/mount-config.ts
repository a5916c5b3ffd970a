import { CofferError, type JsonObject, type JsonValue, parseDuration } from '@coffer/base';
import type { Mount } from '@coffer/framework';

/**
 * The `config` of a new mount, or of one that is tuned: then what is absent or empty stays as it was, as in
 * handleTuneWriteCommon of hashicorp/vault:vault/logical_system.go. `system` removes a mount's own TTL.
 *
 * @throws CofferError `invalid-request` naming the field
 */
export function mountConfig(given: JsonObject, previous?: Mount['config']): Mount['config'] {
  checkTokenType(given['token_type']);
  const ttl = (name: 'default_lease_ttl' | 'max_lease_ttl'): number => {
    const value = given[name];
    if (value === undefined || value === null || value === '') return previous?.[name] ?? 0;
    if (value === 'system') return 0;
    if (typeof value === 'string' || typeof value === 'number') return parseDuration(value, name);
    throw new CofferError('invalid-request', `field "${name}" must be a duration such as 3600, "1h" or "system"`);
  };
  const merged = {
    default_lease_ttl: ttl('default_lease_ttl'),
    max_lease_ttl: ttl('max_lease_ttl'),
    force_no_cache: previous?.force_no_cache ?? given['force_no_cache'] === true,
  };
  if (merged.max_lease_ttl > 0 && merged.default_lease_ttl > merged.max_lease_ttl) {
    throw new CofferError(
      'invalid-request',
      `field "default_lease_ttl": ${merged.default_lease_ttl} s is more than max_lease_ttl, ${merged.max_lease_ttl} s`,
    );
  }
  return merged;
}

/** @throws CofferError `invalid-request` for any other kind of token than the one that is made here */
export function checkTokenType(type: JsonValue | undefined): void {
  if (type === undefined || type === null || type === '' || type === 'default-service' || type === 'service') return;
  throw new CofferError('invalid-request', 'field "token_type": only service tokens are made; use "default-service"');
}
