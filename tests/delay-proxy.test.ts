/** The network of `npm run bench -- nodes`: a figure measured through it is worth no more than its delay. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { type DelayProxy, startDelayProxy } from '../scripts/bench/delay-proxy.ts';

const DELAY_MS = 60;

describe('the delaying proxy', () => {
  let echo: Server;
  let proxy: DelayProxy;
  let client: Socket;
  before(async () => {
    echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    await once(echo.listen({ host: '127.0.0.1', port: 0 }), 'listening');
    const { port } = echo.address() as { port: number };
    proxy = await startDelayProxy([port, port]);
    client = connect({ host: '127.0.0.1', port: proxy.ports[0] ?? 0, noDelay: true });
    await once(client, 'connect');
  });
  after(async () => {
    client.destroy();
    await proxy.stop();
    echo.close();
  });

  /** Milliseconds until all of it has come back. */
  async function echoed(chunks: readonly string[]): Promise<number> {
    const begin = performance.now();
    let left = chunks.join('').length;
    const all = new Promise<void>((done) => {
      const read = (chunk: Buffer): void => {
        left -= chunk.length;
        if (left > 0) return;
        client.off('data', read);
        done();
      };
      client.on('data', read);
    });
    for (const chunk of chunks) client.write(chunk);
    await all;
    return performance.now() - begin;
  }

  it('counts round trips, of each route', async () => {
    assert.deepEqual(await proxy.roundTrips(), [0, 0]);
    for (let trip = 0; trip < 3; trip++) await echoed(['x']);
    assert.deepEqual(await proxy.roundTrips(), [3, 0]);
  });

  it('delays each round trip, and not what stands behind another', async () => {
    await proxy.setDelay(DELAY_MS);
    const one = await echoed(['x']);
    assert.ok(one >= DELAY_MS, `${one} ms`);
    // One after the other they would take twenty delays.
    const packets = Array.from({ length: 20 }, () => 'y'.repeat(100_000));
    const many = await echoed(packets);
    assert.ok(many >= DELAY_MS && many < 5 * DELAY_MS, `${many} ms`);
  });

  it('delays by less than a timer of Node can', async () => {
    await proxy.setDelay(0.5);
    // Two timers of a millisecond, one for each way, would take two. One trip is enough: others wait for a processor.
    const fast = await eventually(async () => {
      const ms = await echoed(['x']);
      assert.ok(ms >= 0.5, `${ms} ms`);
      return ms < 1.5;
    }, 'a round trip that is delayed by half a millisecond');
    assert.ok(fast);
  });
});
