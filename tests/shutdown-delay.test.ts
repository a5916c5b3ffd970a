/** A server that is to end tells load balancers first, and serves on until they have had the time to hear it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@coffer/testkit';
import { ended } from './coffer-process.ts';
import { DurableHome, type DurableServer, initialize, unseal } from './durable-process.ts';

describe('shutdown_delay', () => {
  let home: DurableHome;
  let token: string;
  beforeEach(async () => (home = await DurableHome.make()));
  afterEach(() => home.remove());

  async function start(delay: string): Promise<DurableServer> {
    await home.configure(`${home.fileStorage}\n${delay}`);
    const server = await home.start();
    const made = await initialize(server, 1, 1);
    token = made.root_token;
    await unseal(server, made.unseal_keys_b64);
    return server;
  }
  const health = async ({ address }: DurableServer, query = '', method = 'GET'): Promise<number> =>
    (await fetch(`${address}/v1/sys/health${query}`, { method })).status;
  const retired = (server: DurableServer) =>
    eventually(async () => (await health(server)) === 503, 'the 503 of a server that is to end');

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`is kept after ${signal}: health is 503, requests are served, then the server ends`, async () => {
      const server = await start('shutdown_delay = "3s"');
      assert.equal(await health(server), 200);
      const begun = performance.now();
      const end = ended(server.child);
      server.child.kill(signal);
      await retired(server);
      const answer = await fetch(`${server.address}/v1/sys/health`);
      const body = (await answer.json()) as { reason: string; sealed: boolean };
      assert.deepEqual([body.reason, body.sealed], ['the server is shutting down', false]);
      assert.equal(await health(server, '', 'HEAD'), 503);
      assert.equal(await health(server, '?haunhealthycode=474'), 474);
      assert.equal(await health(server, '?sealedcode=299'), 299);
      assert.equal(await health(server, '?activecode=200&standbyok=true'), 503);
      server.child.kill('SIGHUP');
      const isServed = (): Promise<boolean> =>
        server
          .client(token)
          .read('auth/token/lookup-self')
          .then(Boolean, () => false);
      while (await isServed()) await sleep(50);
      assert.ok(performance.now() - begun >= 3_000, 'until then requests are served');
      assert.equal(await end, 0);
      assert.match(server.output(), /sys\/health answers 503; .*shutdown_delay=3s/);
      await assert.rejects(fetch(`${server.address}/v1/sys/health`));
    });
  }

  it('is ended by another SIGTERM', async () => {
    const server = await start('shutdown_delay = "5m"');
    const end = ended(server.child);
    server.child.kill('SIGTERM');
    await retired(server);
    server.child.kill('SIGTERM');
    assert.equal(await end, 0);
    assert.match(server.output(), /shutdown delay cut short by another SIGTERM/);
  });

  it('is none by default', async () => {
    const server = await start('');
    assert.equal(await server.stop('SIGTERM'), 0);
    assert.doesNotMatch(server.output(), /sys\/health answers 503/);
  });
});
