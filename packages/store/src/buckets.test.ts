import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { bucketOf } from './buckets.ts';

describe('buckets', () => {
  const ids: Readonly<Record<string, (index: number) => string>> = {
    'random leases': () => `database/creds/role/${randomBytes(18).toString('base64url')}`,
    'hashed tokens': () => randomBytes(32).toString('hex'),
    'numbers behind one prefix': (index) => `database/creds/role/${index}`,
    'numbers before one suffix': (index) => `${index}/the-same-suffix`,
  };
  for (const [name, make] of Object.entries(ids)) {
    it(`are equally full: ${name}`, () => {
      const counts = new Map<number, number>();
      for (let index = 0; index < 16_000; index++) {
        const bucket = bucketOf(make(index));
        counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
      }
      assert.deepEqual(
        [...counts.keys()].sort((one, other) => one - other),
        Array.from({ length: 16 }, (_, bucket) => bucket),
      );
      // Six standard deviations.
      for (const count of counts.values()) assert.ok(Math.abs(count - 1_000) < 190, `${count}`);
    });
  }
});
