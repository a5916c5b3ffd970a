/** A server whose database is away says so to load balancers, and recovers by itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { DurableHome, type DurableServer, initialize, unseal } from '../durable-process.ts';
import { Scrape } from '../metrics/scrape.ts';
import { health } from './health.ts';
import { type SharedStore, startSharedStore } from './shared-store.ts';

describe('a server whose store is away', () => {
  let store: SharedStore;
  let home: DurableHome;
  let server: DurableServer;
  let root: string;

  before(async () => {
    store = await startSharedStore();
    home = await DurableHome.make();
    await home.configure(store.storage);
    server = await home.start();
    const { unseal_keys_b64: keys, root_token } = await initialize(server, 1, 1);
    await unseal(server, keys);
    root = root_token;
  });
  after(async () => {
    await home.remove();
    await store.stop();
  });

  it('counts what it asks once more, by SQLSTATE or as lost', async () => {
    const retries = async (): Promise<number[]> => {
      const answer = await fetch(`${server.address}/v1/sys/metrics?format=prometheus`, {
        headers: { 'x-vault-token': root },
      });
      const seen = new Scrape(await answer.text());
      return ['connection', '40001'].map((sqlstate) => seen.value('coffer_store_retries_total', { sqlstate }));
    };
    const [lost = 0, conflicts = 0] = await retries();
    // What only these requests send: the server's own work asks the store at any time, and the opening of a connection counts as none.
    const lose = { match: /^SELECT value FROM policies/, times: 2, action: { type: 'drop-before' } } as const;
    const cut = store.proxy.addFault(lose);
    await server.client(root).read('sys/policies/acl/default');
    assert.equal(cut.fired, 2);
    const conflict = { type: 'error', sqlstate: '40001', message: 'could not serialize access' } as const;
    const clash = store.proxy.addFault({ match: /^INSERT INTO policies/, action: conflict });
    await server.client(root).write('sys/policies/acl/p', { policy: 'path "x" { capabilities = ["read"] }' });
    assert.equal(clash.fired, 1);
    const [lostNow = 0, conflictsNow = 0] = await retries();
    assert.ok(lostNow >= lost + 2, `${lostNow} lost after ${lost}`);
    assert.ok(conflictsNow > conflicts, `${conflictsNow} conflicts after ${conflicts}`);
  });

  for (const [what, away, back] of [
    ['is down', () => store.proxy.refuse(true), () => store.proxy.refuse(false)],
    ['hangs', async () => store.proxy.freeze(true), async () => store.proxy.freeze(false)],
  ] as const) {
    it(`says so in its health, and recovers: it ${what}`, async () => {
      assert.deepEqual([(await health(server)).status, (await health(server)).reason], [200, undefined]);
      await away();
      if (what === 'is down') store.proxy.dropAll();
      const statuses = new Set<number>();
      const isUnfit = async (): Promise<boolean> => statuses.add((await health(server)).status).has(503);
      await eventually(isUnfit, 'the 503', { everyMs: 100 });
      assert.deepEqual([...statuses], [200, 503]);
      assert.match((await health(server)).reason ?? '', /^the database of the store has not answered for \d\d s$/);
      assert.equal((await health(server, '?sealedcode=299')).status, 299);
      assert.equal((await health(server, '?sealedcode=299&haunhealthycode=474&activecode=298')).status, 474);
      assert.equal((await health(server, '?activecode=299&standbyok=true&standbycode=200')).status, 503);
      assert.equal((await server.run(['status'])).exit, 0);
      await back();
      await eventually(async () => (await health(server)).status === 200, 'the 200', { everyMs: 100 });
    });
  }
});
