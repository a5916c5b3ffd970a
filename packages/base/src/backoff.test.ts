import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs } from './backoff.ts';

describe('backoffMs', () => {
  const many = (failures: number, jitter?: number): readonly number[] =>
    Array.from({ length: 500 }, () =>
      backoffMs({ firstMs: 100, longestMs: 1_000, ...(jitter !== undefined && { jitter }) }, failures),
    );

  it('doubles with each failure, up to the longest', () => {
    for (const [failures, average] of [
      [1, 100],
      [2, 200],
      [4, 800],
      [5, 1_000],
      [5_000, 1_000],
    ] as const) {
      const pauses = many(failures);
      assert.ok(Math.min(...pauses) >= 0.75 * average, `${failures}: at least three quarters`);
      assert.ok(Math.max(...pauses) <= 1.25 * average, `${failures}: at most a quarter more`);
      assert.ok(new Set(pauses).size > 400, `${failures}: no two alike`);
    }
  });
  it('spreads as far as it is told to', () => {
    const pauses = many(1, 1);
    assert.ok(Math.min(...pauses) < 20 && Math.max(...pauses) > 180 && Math.max(...pauses) <= 200);
    assert.deepEqual(new Set(many(2, 0)), new Set([200]));
  });
});
