import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLIENTS_REMEMBERED, RateLimit, type RateLimits } from './rate-limit.ts';

/** A limit whose clock stands until it is moved on. */
function limit(limits: Partial<RateLimits>): {
  take: (address?: string) => boolean;
  wait: (ms: number) => void;
  of: RateLimit;
} {
  let now = 1_000;
  const of = new RateLimit({ rate: 2, intervalMs: 1_000, blockMs: 0, ...limits }, () => now);
  return { of, take: (address = '10.0.0.1') => of.take(address).allowed, wait: (ms) => (now += ms) };
}

describe('a rate limit', () => {
  it('lets each client make so many requests in an interval that begins with its first', () => {
    const { take, wait } = limit({});
    assert.deepEqual([take(), take(), take()], [true, true, false]);
    assert.equal(take('10.0.0.2'), true);
    wait(999);
    assert.equal(take(), false);
    wait(1);
    assert.deepEqual([take(), take(), take()], [true, true, false]);
    wait(2_500);
    assert.equal(take(), true);
    wait(499);
    assert.deepEqual([take(), take()], [true, false]);
    wait(1);
    assert.equal(take(), true);
  });

  it('tells what is left, and when to come again', () => {
    const { of, wait } = limit({ intervalMs: 60_000 });
    assert.deepEqual(of.take('a'), { allowed: true, limit: 2, remaining: 1, resetSeconds: 60, retryAfterSeconds: 0 });
    wait(10_500);
    of.take('a');
    assert.deepEqual(of.take('a'), { allowed: false, limit: 2, remaining: 0, resetSeconds: 50, retryAfterSeconds: 50 });
  });

  it('refuses a client that was over its rate for as long as it is blocked', () => {
    const { of, take, wait } = limit({ blockMs: 5_000 });
    assert.deepEqual([take(), take(), take()], [true, true, false]);
    wait(4_000);
    assert.deepEqual([take(), take('10.0.0.2')], [false, true]);
    assert.equal(of.take('10.0.0.1').retryAfterSeconds, 1);
    wait(1_000);
    assert.deepEqual([take(), take(), take()], [true, true, false]);
  });

  it('rounds a rate to whole requests, and lets at least one through', () => {
    assert.equal(limit({ rate: 0.1 }).of.take('a').limit, 1);
    assert.equal(limit({ rate: 2.5 }).of.take('a').limit, 3);
  });

  it('takes the addresses of one IPv6 network for one client', () => {
    const { take } = limit({});
    assert.deepEqual(
      [take('2001:db8::1'), take('2001:db8::2'), take('2001:db8::3'), take('2001:db8:0:1::1')],
      [true, true, false, true],
    );
    const mapped = limit({ rate: 1 });
    assert.deepEqual([mapped.take('::ffff:10.0.0.1'), mapped.take('10.0.0.1')], [true, false]);
  });

  it('remembers so many clients and no more, the latest ones', () => {
    const { take } = limit({ rate: 1 });
    const address = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    for (let n = 0; n <= CLIENTS_REMEMBERED; n++) assert.equal(take(address(n)), true);
    assert.equal(take(address(CLIENTS_REMEMBERED)), false);
    assert.equal(take(address(0)), true);
  });
});
