import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError } from '@coffer/base';
import type { RequestHandler } from '@coffer/framework';
import { putRequest, withEdge } from './edge-fixture.ts';
import { RawClient } from './raw-client-fixture.ts';

const takesRawBody = (path: string): boolean => path === 'raw';

describe('a body that its handler reads', () => {
  it('comes as it was sent, however large, and the connection serves on', async () => {
    const sizes: number[] = [];
    const handle: RequestHandler = async ({ body, data }) => {
      assert.deepEqual(data, {});
      let size = 0;
      for await (const chunk of body ?? []) size += chunk.length;
      sizes.push(size);
      return undefined;
    };
    await withEdge({ handle, takesRawBody, maxBodyBytes: 1000 }, async (port) => {
      const client = RawClient.to(port);
      for (const bytes of [0, 5, 3_000_000]) {
        await client.send(putRequest('raw', 'x'.repeat(bytes)));
        assert.equal((await client.response()).status, 204);
      }
      client.close();
    });
    assert.deepEqual(sizes, [0, 5, 3_000_000]);
  });

  it('is not read when the handler refuses, who is answered all the same', async () => {
    const handle: RequestHandler = () => Promise.reject(new CofferError('permission-denied', 'permission denied'));
    await withEdge({ handle, takesRawBody }, async (port) => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/raw`, { method: 'PUT', body: Buffer.alloc(5_000_000) });
      assert.deepEqual([answer.status, await answer.json()], [403, { errors: ['permission denied'] }]);
    });
  });

  it('that does not come to its end is an error for its handler', async () => {
    const failed = Promise.withResolvers<unknown>();
    const handle: RequestHandler = async ({ body }) => {
      try {
        for await (const chunk of body ?? []) assert.ok(chunk.length > 0);
      } catch (error) {
        failed.resolve(error);
        throw error;
      }
      return undefined;
    };
    await withEdge({ handle, takesRawBody }, async (port) => {
      const client = RawClient.to(port);
      await client.send('PUT /v1/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf');
      client.close();
      assert.match(String(await failed.promise), /was cut off/);
    });
  });

  it('is JSON on every other path', async () => {
    const handle: RequestHandler = async ({ body }) => {
      assert.equal(body, undefined);
      return undefined;
    };
    await withEdge({ handle, takesRawBody }, async (port) => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/other`, { method: 'PUT', body: 'no JSON' });
      assert.equal(answer.status, 400);
    });
  });
});
