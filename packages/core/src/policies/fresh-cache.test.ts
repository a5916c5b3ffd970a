import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayLandUntil } from '@coffer/base';
import { FreshCache } from './fresh-cache.ts';

const cacheOf = () => new FreshCache<string>(2);

describe('a fresh cache', () => {
  it('reads once, and again after a write', async () => {
    const cache = cacheOf();
    let row = 'old';
    let reads = 0;
    const get = () => cache.get('key', async () => `${row}, read ${++reads} times`);
    assert.equal(await get(), 'old, read 1 times');
    assert.equal(await get(), 'old, read 1 times');
    assert.equal(await cache.write(async () => (row = 'new')), 'new');
    assert.equal(await get(), 'new, read 2 times');
    assert.equal(await get(), 'new, read 2 times');
  });

  it('keeps nothing that is read while a write is under way: it may be committed before it is answered', async () => {
    const cache = cacheOf();
    const answer = Promise.withResolvers<void>();
    let row = 'old';
    const get = () => cache.get('key', async () => row);
    const write = cache.write(() => answer.promise);
    assert.equal(await get(), 'old');
    row = 'new';
    assert.equal(await get(), 'new');
    answer.resolve();
    await write;
    assert.equal(await get(), 'new');
  });

  it('keeps nothing for a while after a write that rejected, and rejects as it did', async (t) => {
    t.mock.timers.enable({ apis: ['Date'] });
    const cache = cacheOf();
    let reads = 0;
    const get = () => cache.get('key', async () => `${++reads}`);
    await assert.rejects(
      cache.write(() => Promise.reject(new Error('nobody knows'))),
      /nobody knows/,
    );
    assert.equal(await get(), '1');
    assert.equal(await get(), '2');
    t.mock.timers.tick(mayLandUntil() - Date.now());
    assert.equal(await get(), '3');
    assert.equal(await get(), '3');
  });

  it('keeps what was asked for last', async () => {
    const cache = cacheOf();
    const read = (key: string) => cache.get(key, async () => key);
    for (const key of ['a', 'b', 'a', 'c']) await read(key);
    assert.equal(await cache.get('a', async () => 'read again'), 'a');
    assert.equal(await cache.get('b', async () => 'read again'), 'read again');
  });
});
