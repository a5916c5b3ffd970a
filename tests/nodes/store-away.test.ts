/** A server whose database is away says so to load balancers, and recovers by itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { DurableHome, type DurableServer, initialize, unseal } from '../durable-process.ts';
import { health } from './health.ts';
import { type SharedStore, startSharedStore } from './shared-store.ts';

describe('a server whose store is away', () => {
  let store: SharedStore;
  let home: DurableHome;
  let server: DurableServer;

  before(async () => {
    store = await startSharedStore();
    home = await DurableHome.make();
    await home.configure(store.storage);
    server = await home.start();
    const { unseal_keys_b64: keys } = await initialize(server, 1, 1);
    await unseal(server, keys);
  });
  after(async () => {
    await home.remove();
    await store.stop();
  });

  for (const [what, away, back] of [
    ['is down', () => store.proxy.refuse(true), () => store.proxy.refuse(false)],
    ['hangs', async () => store.proxy.freeze(true), async () => store.proxy.freeze(false)],
  ] as const) {
    it(`says so in its health within ten seconds and a heartbeat, and recovers: it ${what}`, async () => {
      assert.deepEqual([(await health(server)).status, (await health(server)).reason], [200, undefined]);
      const begun = performance.now();
      await away();
      if (what === 'is down') store.proxy.dropAll();
      let slowest = 0;
      await eventually(
        async () => {
          const { status, tookMs } = await health(server);
          slowest = Math.max(slowest, tookMs);
          return status === 503;
        },
        'the 503',
        { everyMs: 100 },
      );
      assert.ok(performance.now() - begun < 14_000);
      assert.ok(slowest < 2_000, `a health check took ${slowest} ms`);
      assert.match((await health(server)).reason ?? '', /^the database of the store has not answered for 1\d s$/);
      assert.equal((await health(server, '?sealedcode=299')).status, 299);
      assert.equal((await health(server, '?sealedcode=299&haunhealthycode=474&activecode=298')).status, 474);
      assert.equal((await health(server, '?activecode=299&standbyok=true&standbycode=200')).status, 503);
      assert.equal((await server.run(['status'])).exit, 0);
      await back();
      await eventually(async () => (await health(server)).status === 200, 'the 200', { everyMs: 100 });
    });
  }
});
