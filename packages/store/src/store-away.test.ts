/** The store says within 10 s that its database is away, and goes on by itself when that is back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError } from '@coffer/base';
import type { WireProxy } from '@coffer/testkit';
import { namesIn, PUT, StoreNodes, VALUE, within } from './store-fixture.ts';
import type { Store } from './store.ts';

const nodes = new StoreNodes();
const ANSWER_MS = 10_000;
const put = (store: Store, name: string) => store.run(PUT, ['m', name, VALUE]);

/** Writes as a client does that comes again after a 503: who waits for an attempt of before the return is told what became of that. */
async function untilTaken(store: Store, name: string): Promise<void> {
  for (let triesLeft = 5; ; triesLeft--) {
    try {
      await put(store, name);
      return;
    } catch (thrown) {
      if (!(thrown instanceof CofferError) || thrown.code !== 'unavailable' || triesLeft === 1) throw thrown;
    }
  }
}

// They mostly wait, each with a proxy and a database of its own.
describe('a store that is away', { concurrency: true }, () => {
  for (const [how, leave, back] of [
    ['refuses', (proxy) => proxy.refuse(true), (proxy) => proxy.refuse(false)],
    ['is frozen', (proxy) => proxy.freeze(true), (proxy) => (proxy.freeze(false), proxy.dropAll())],
    ['takes connections and says nothing', (proxy) => proxy.hang(true), (proxy) => proxy.hang(false)],
  ] as readonly [string, (proxy: WireProxy) => unknown, (proxy: WireProxy) => unknown][]) {
    it(`is said to be so within 10 s, and answers when it is back: ${how}`, async (test) => {
      const [proxy] = await nodes.proxies(test, 1);
      assert.ok(proxy !== undefined);
      const { store, log } = await nodes.open(test, [proxy], { maxConnections: 2 });
      await Promise.all([put(store, 'a'), put(store, 'b')]);
      await leave(proxy);
      if (how !== 'is frozen') proxy.dropAll();
      // More than there are connections: those that wait for one are told, too.
      const answers = await within(ANSWER_MS, Promise.allSettled(Array.from({ length: 6 }, () => namesIn(store))));
      for (const answer of answers) {
        assert.equal(answer.status, 'rejected');
        assert.match(String(answer.reason), /^CofferError: store: (cannot connect to|the connection to) the database/);
        assert.ok(!String(answer.reason).includes(nodes.server.password + '@'));
      }
      await within(ANSWER_MS, assert.rejects(put(store, 'c'), { code: 'unavailable' }));
      await back(proxy);
      await within(ANSWER_MS, untilTaken(store, 'd'));
      assert.deepEqual(await namesIn(store), ['a', 'b', 'd']);
      assert.ok(log.some(({ message }) => message === 'store: retrying'));
    });
  }

  it('is waited for while it is away for a moment: nobody sees it', async (test) => {
    const [proxy] = await nodes.proxies(test, 1);
    assert.ok(proxy !== undefined);
    const { store } = await nodes.open(test, [proxy]);
    await proxy.refuse(true);
    proxy.dropAll();
    const back = sleep(1_500).then(() => proxy.refuse(false));
    await put(store, 'a').catch(() => put(store, 'a'));
    await back;
    assert.deepEqual(await namesIn(store), ['a']);
  });

  it('is not waited for when it opens', async (test) => {
    const [proxy] = await nodes.proxies(test, 1);
    assert.ok(proxy !== undefined);
    const database = await nodes.makeDatabase();
    await proxy.refuse(true);
    await within(
      1_500,
      assert.rejects(nodes.open(test, [proxy], { database }), { code: 'failed', message: /refused/ }),
    );
  });
});
