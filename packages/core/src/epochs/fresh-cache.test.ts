import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FreshCache } from './fresh-cache.ts';

interface Read {
  readonly row: string;
  readonly read: number;
}

describe('a fresh cache', () => {
  const cacheOf = () => {
    const cache = new FreshCache<Read>(2);
    const state = { row: 'old', reads: 0 };
    const get = () => cache.get('key', async () => ({ row: state.row, read: ++state.reads }));
    return { cache, state, get };
  };

  it('reads once, and again after a write', async () => {
    const { cache, state, get } = cacheOf();
    assert.deepEqual(await get(), { row: 'old', read: 1 });
    assert.deepEqual(await get(), { row: 'old', read: 1 });
    assert.equal(await cache.write(['key'], async () => (state.row = 'new')), 'new');
    assert.deepEqual(await get(), { row: 'new', read: 2 });
    assert.deepEqual(await get(), { row: 'new', read: 2 });
  });

  it('drops what is named, or everything', async () => {
    const { cache, get } = cacheOf();
    await get();
    cache.drop(['another']);
    assert.equal((await get()).read, 1);
    cache.drop(['key']);
    assert.equal((await get()).read, 2);
    cache.drop();
    assert.equal((await get()).read, 3);
  });

  it('keeps nothing that was read before something was dropped', async () => {
    for (const drop of [
      async (cache: FreshCache<Read>) => cache.drop(['key']),
      async (cache: FreshCache<Read>) => cache.drop(),
      (cache: FreshCache<Read>) => cache.write(['key'], async () => undefined),
      (cache: FreshCache<Read>) =>
        cache.write(undefined, () => Promise.reject(new Error('lost'))).catch(() => undefined),
    ]) {
      const { cache, get } = cacheOf();
      const answer = Promise.withResolvers<Read>();
      const early = cache.get('key', () => answer.promise);
      await drop(cache);
      answer.resolve({ row: 'older than the change', read: 0 });
      assert.equal((await early).read, 0);
      assert.equal((await get()).read, 1);
    }
  });

  it('rejects as a write did, and has dropped what it may have changed', async () => {
    const { cache, get } = cacheOf();
    await get();
    await assert.rejects(
      cache.write(['key'], () => Promise.reject(new Error('nobody knows'))),
      /nobody knows/,
    );
    assert.equal((await get()).read, 2);
  });

  it('keeps nothing that is not there, or not to be kept', async () => {
    const { cache, get } = cacheOf();
    assert.equal(await cache.get('key', async () => undefined), undefined);
    await cache.get(
      'key',
      async () => ({ row: 'large', read: 0 }),
      () => false,
    );
    assert.deepEqual(await get(), { row: 'old', read: 1 });
  });

  it('keeps what was asked for last', async () => {
    const cache = new FreshCache<Read>(2);
    const read = (key: string) => cache.get(key, async () => ({ row: key, read: 1 }));
    for (const key of ['a', 'b', 'a', 'c']) await read(key);
    const again = async () => ({ row: 'read again', read: 2 });
    assert.equal((await cache.get('a', again)).row, 'a');
    assert.equal((await cache.get('b', again)).row, 'read again');
  });
});
