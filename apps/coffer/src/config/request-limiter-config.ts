import type { HclObject } from '@coffer/hcl';

/** How many requests may be under way at once. Absent is the edge's default. */
export interface RequestLimiterConfig {
  readonly total?: number;
  readonly perNetwork?: number;
}

/**
 * The block of Vault's name, with the number as well.
 * @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong`
 */
export function parseRequestLimiter(config: HclObject): RequestLimiterConfig | undefined {
  const [block, second] = config.blocks('request_limiter');
  if (block === undefined) return undefined;
  if (second !== undefined) throw config.error('"request_limiter" is set twice', second);
  const { body } = block;
  body.allowOnly(['disable', 'max_requests_in_flight']);
  const most = body.number('max_requests_in_flight');
  if (body.boolean('disable') === true) {
    return { total: Number.POSITIVE_INFINITY, perNetwork: Number.POSITIVE_INFINITY };
  }
  if (most === undefined || most === 0) return undefined;
  if (Number.isInteger(most) && most > 0) return { total: most };
  throw body.error(
    '"max_requests_in_flight" must be a whole number, 1 or more',
    body.attribute('max_requests_in_flight'),
  );
}
