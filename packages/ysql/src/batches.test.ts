import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Batches } from './batches.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Batches', () => {
  it('takes a lone item at once, what waits together, and shares it out over the batches that may run', async () => {
    const seen: string[] = [];
    const open: (() => void)[] = [];
    const batches = new Batches<string, string>({ batches: 2, items: 3 }, async (items) => {
      seen.push(items.join(''));
      await new Promise<void>((resolve) => open.push(resolve));
      return items.map((item) => item.toUpperCase());
    });
    const all = [batches.submit('a')];
    await settle();
    assert.deepEqual(seen, ['a']);
    for (const item of ['b', 'c', 'd', 'e', 'f', 'g', 'h']) all.push(batches.submit(item));
    await settle();
    assert.deepEqual(seen, ['a', 'bcd']);
    for (let at = 0; at < 4; at++) {
      open[at]?.();
      await settle();
    }
    assert.deepEqual(seen, ['a', 'bcd', 'efg', 'h']);
    assert.equal((await Promise.all(all)).join(''), 'ABCDEFGH');
  });
  it('shares out evenly', async () => {
    const sizes: number[] = [];
    const batches = new Batches<number, number>({ batches: 4, items: 64 }, async (items) => {
      sizes.push(items.length);
      await settle();
      return items;
    });
    await Promise.all(Array.from({ length: 16 }, (_, item) => batches.submit(item)));
    assert.deepEqual(sizes, [4, 4, 4, 4]);
  });
  it('rejects all items of a batch that fails, and goes on', async () => {
    let calls = 0;
    const batches = new Batches<number, number>({ batches: 1, items: 2 }, async (items) => {
      if (++calls === 1) throw new Error('no');
      return items.slice(1);
    });
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((item) => batches.submit(item)));
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : outcome.value)),
      ['Error: no', 'Error: no', 4, 'Error: a batch gave no outcome for one of its items'],
    );
  });
});
