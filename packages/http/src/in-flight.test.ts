/** How many requests may be under way at once, and who is told to wait. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestHandler } from '@coffer/framework';
import { eventually } from '@coffer/testkit';
import { clientFrom, getRequest, putRequest, withEdge } from './edge-fixture.ts';
import { InFlight } from './index.ts';

const SLOW = 'secret/slow';

describe('the requests in flight', () => {
  it('are limited, for one address and for all, and count until the answer is out or the client gone', async () => {
    const inFlight = new InFlight({ total: 4, perNetwork: 3 });
    const open = Promise.withResolvers<void>();
    const handle: RequestHandler = async ({ path }) => {
      if (path === SLOW) await open.promise;
      return { data: { path } };
    };
    await withEdge({ handle, inFlight }, async (port) => {
      const begin = async (address: string, count: number) => {
        const client = clientFrom(address, port);
        await client.send(getRequest(SLOW));
        await eventually(() => inFlight.list().length === count, `${count} requests under way`);
        return client;
      };
      const own = [await begin('127.0.0.2', 1), await begin('127.0.0.2', 2), await begin('127.0.0.2', 3)];
      const asked = async (address: string, request: string) => {
        const client = clientFrom(address, port);
        await client.send(request);
        const { status, headers, body } = await client.response();
        client.close();
        return [status, headers.get('retry-after'), body.trim()];
      };
      const caller = '{"errors":["too many requests in flight from this address; try again a little later"]}';
      assert.deepEqual(await asked('127.0.0.2', getRequest('a')), [429, '1', caller]);
      assert.deepEqual(await asked('127.0.0.2', putRequest('a', '{"b":1}')), [429, '1', caller]);
      assert.equal((await asked('127.0.0.3', getRequest('a')))[0], 200, 'others are served');
      const other = await begin('127.0.0.3', 4);
      const server = '{"errors":["the server is busy: too many requests in flight; try again a little later"]}';
      for (const address of ['127.0.0.4', '127.0.0.2']) {
        assert.deepEqual(await asked(address, getRequest('a')), [503, '1', server]);
        assert.deepEqual(await asked(address, putRequest('a', `{"b":"${'x'.repeat(100_000)}"}`)), [503, '1', server]);
      }
      assert.equal((await asked('127.0.0.4', getRequest('sys/health')))[0], 200, 'a busy server is not a dead one');
      assert.equal((await asked('127.0.0.4', putRequest('sys/health', '{}')))[0], 503);
      other.close();
      await eventually(() => inFlight.list().length === 3, 'the client that went away');
      assert.equal((await asked('127.0.0.4', getRequest('a')))[0], 200);
      open.resolve();
      for (const client of own) {
        assert.equal((await client.response()).status, 200);
        client.close();
      }
    });
    assert.deepEqual(inFlight.list(), []);
  });

  it('are served beyond the limit by an edge that has none, and are shown all the same', async () => {
    const inFlight = new InFlight({ total: 0 });
    const handle: RequestHandler = async () => ({
      data: { seen: inFlight.list().map(({ path, method }) => `${method} ${path}`) },
    });
    await withEdge({ handle, inFlight, unlimited: true }, async (port) => {
      const client = clientFrom('127.0.0.2', port);
      await client.send(getRequest('a/b?c=d'));
      assert.match((await client.response()).body, /"seen":\["GET \/v1\/a\/b"\]/);
      client.close();
    });
    await withEdge({ handle, inFlight }, async (port) => {
      const client = clientFrom('127.0.0.2', port);
      await client.send(getRequest('a'));
      assert.equal((await client.response()).status, 503);
      client.close();
    });
  });
});
