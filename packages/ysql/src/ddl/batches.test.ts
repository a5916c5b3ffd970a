import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { currentDeadline, Deadline, pause, requireClaim, requireTime, underClaim, withDeadline } from '@coffer/base';
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
  it('asks for the claim of each item, and for none of an item before', async () => {
    const asked: string[] = [];
    const batches = new Batches({ batches: 1, items: 2 }, async (items: readonly string[]) => {
      asked.push('|');
      await requireClaim();
      await settle();
      return items;
    });
    const submit = (item: string) =>
      underClaim(
        async () => void asked.push(item),
        () => batches.submit(item),
      );
    await Promise.all(['a', 'b', 'c'].map((item) => submit(item)));
    await batches.submit('unclaimed');
    assert.equal(asked.join(''), '|ab|c|');
    const lost = new Error('lost');
    await assert.rejects(
      underClaim(
        () => Promise.reject(lost),
        () => batches.submit('d'),
      ),
      lost,
    );
  });
  it('serves those who wait, whoever of the others has gone', async () => {
    const open = Promise.withResolvers<void>();
    const seen: (string | undefined)[] = [];
    const batches = new Batches({ batches: 1, items: 2 }, async (items: readonly string[]) => {
      seen.push(...items, currentDeadline()?.reason?.message);
      await open.promise;
      requireTime();
      await pause(1);
      return items;
    });
    const client = new AbortController();
    const submit = (item: string) =>
      withDeadline(new Deadline(60_000, { gone: client.signal }), () => batches.submit(item));
    const first = submit('first');
    const together = batches.submit('together');
    await new Promise((done) => setImmediate(done));
    const late = assert.rejects(submit('late'), /the client disconnected/);
    const behind = batches.submit('behind');
    client.abort();
    open.resolve();
    // What was begun is done for all of the batch; what was not is not begun for who has gone.
    assert.deepEqual(await Promise.all([first, together, behind]), ['first', 'together', 'behind']);
    await late;
    assert.deepEqual(seen, ['first', 'together', undefined, 'behind', undefined]);
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
