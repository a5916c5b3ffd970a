/** What a token keeps for itself: nobody else finds it, and it ends with the token. Answers as OpenBao 2.7.2 gives them. */
import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { withEachStorage } from '../races/races.ts';
import { type Api, textOf } from './api.ts';

withEachStorage((races) => {
  describe('a cubbyhole', () => {
    let api: Api;
    let token: string;
    const asToken = (): { token: string } => ({ token });
    const child = async (body: JsonObject = {}): Promise<string> =>
      textOf((await api.ok('POST', 'auth/token/create', { policies: ['default'], ...body })).auth['client_token']);
    const put = (path: string, body: JsonObject = { x: 1 }) => api.ok('POST', `cubbyhole/${path}`, body, asToken());
    const get = async (path: string) => (await api('GET', `cubbyhole/${path}`, undefined, asToken())).data;
    const list = async (path = '') => (await api('LIST', `cubbyhole/${path}`, undefined, asToken())).data['keys'];
    const stored = async () =>
      (await races.server.store.inner.run("SELECT name FROM entries WHERE mount = 'core/cubbyholes'")).rows.length;

    before(() => (api = races.api));
    beforeEach(async () => (token = await child()));

    it('gives back what was put, as it was', async () => {
      const values = { x: '1', n: 5, ttl: '1h', path: '/etc', big: 12345678901234567000, o: { a: [1, 2, null] } };
      assert.equal((await put('a', values)).status, 204);
      assert.deepEqual(await get('a'), values);
      await put('a', { y: 2 });
      assert.deepEqual(await get('a'), { y: 2 }, 'all of it is replaced');
      await put('x%2Fy/z%20q');
      assert.deepEqual(await get('x/y/z q'), { x: 1 });
    });

    it('lists one level', async () => {
      assert.equal((await api('LIST', 'cubbyhole', undefined, asToken())).status, 404, 'nothing');
      for (const path of ['a', 'd/e', 'd/f/g', 'dd']) await put(path);
      assert.deepEqual(await list(), ['a', 'd/', 'dd']);
      assert.deepEqual((await api('GET', 'cubbyhole?list=true', undefined, asToken())).data['keys'], ['a', 'd/', 'dd']);
      assert.deepEqual(await list('d'), ['e', 'f/']);
      assert.deepEqual(await list('d/'), ['e', 'f/']);
      assert.equal((await api('LIST', 'cubbyhole/nothing', undefined, asToken())).status, 404);
      assert.equal((await api('GET', 'cubbyhole/d', undefined, asToken())).status, 404);
    });

    it('forgets what is deleted, and does not mind what is not there', async () => {
      await put('a');
      for (let n = 0; n < 2; n++) assert.equal((await api('DELETE', 'cubbyhole/a', undefined, asToken())).status, 204);
      assert.equal((await api('GET', 'cubbyhole/a', undefined, asToken())).status, 404);
    });

    it('refuses nothing at all, and no name', async () => {
      await api.refused([500, /missing data fields/], 'POST', 'cubbyhole/a', {}, asToken());
      await api.refused([405, /unsupported operation/], 'POST', 'cubbyhole', { x: 1 });
      await api.refused([400, "cannot write to a path ending in '/'"], 'POST', 'cubbyhole/a/', { x: 1 }, asToken());
    });

    it('is no other token’s, not even for root', async () => {
      await put('mine');
      const other = await child();
      for (const stranger of ['root', other]) {
        assert.equal((await api('GET', 'cubbyhole/mine', undefined, { token: stranger })).status, 404);
        assert.equal((await api('LIST', 'cubbyhole', undefined, { token: stranger })).status, 404);
        await api.ok('DELETE', 'cubbyhole/mine', undefined, { token: stranger });
      }
      assert.deepEqual(await get('mine'), { x: 1 });
      await api.refused([403, /permission denied/], 'GET', 'cubbyhole/mine', undefined, { token: '' });
    });

    it('ends with its token, however that ends', async () => {
      const count = await stored();
      const ends: Record<string, () => Promise<unknown>> = {
        'by itself': () => api.ok('POST', 'auth/token/revoke-self', {}, asToken()),
        revoked: () => api.ok('POST', 'auth/token/revoke', { token }),
        'without its children': () => api.ok('POST', 'auth/token/revoke-orphan', { token }),
      };
      for (const [how, end] of Object.entries(ends)) {
        token = await child();
        await put('a');
        await put('b/c');
        assert.equal(await stored(), count + 1);
        await end();
        assert.equal(await stored(), count, how);
      }
      const parent = await child({ policies: ['root'] });
      const made = await api.ok('POST', 'auth/token/create', { policies: ['default'] }, { token: parent });
      token = textOf(made.auth['client_token']);
      await put('a');
      await api.ok('POST', 'auth/token/revoke', { token: parent });
      assert.equal(await stored(), count, 'with its parent');
    });

    it('can be wrapped', async () => {
      await put('a', { deep: 'secret' });
      const { wrapInfo } = await api.ok('GET', 'cubbyhole/a', undefined, { token, wrapTtl: '60' });
      const { data } = await api.ok('POST', 'sys/wrapping/unwrap', undefined, { token: textOf(wrapInfo['token']) });
      assert.deepEqual(data, { deep: 'secret' });
    });

    it('has an end', async () => {
      const full = /^the cubbyhole of this token is full: it can store 1000 names and 1 MiB$/;
      const fifth = 'x'.repeat(200_000);
      for (const name of ['a', 'b', 'c', 'd', 'e']) await put(name, { fifth });
      await api.refused([400, full], 'POST', 'cubbyhole/f', { fifth }, asToken());
      await put('e', { fifth });
      token = await child();
      for (let n = 0; n < 1000; n += 5) {
        await Promise.all(Array.from({ length: 5 }, (_, index) => put(`n${n + index}`)));
      }
      await api.refused([400, full], 'POST', 'cubbyhole/one-more', { x: 1 }, asToken());
      await put('n999', { y: 2 });
    });

    it('is asked for by create, and by update once there is something', async () => {
      const policy = 'path "cubbyhole/a" { capabilities = ["create"] }';
      await api.ok('PUT', 'sys/policies/acl/creates', { policy });
      token = await child({ policies: ['creates'], no_default_policy: true });
      await put('a');
      await api.refused([403, /permission denied/], 'POST', 'cubbyhole/a', { x: 2 }, asToken());
    });

    it('is mounted for good', async () => {
      const { data } = await api.ok('GET', 'sys/mounts/cubbyhole');
      const { type, description, local } = data;
      assert.deepEqual([type, description, local], ['cubbyhole', 'per-token private secret storage', true]);
      await api.refused([400, /cannot unmount/], 'DELETE', 'sys/mounts/cubbyhole');
      await api.refused([400, 'cannot tune parameter description of cubbyhole/'], 'POST', 'sys/mounts/cubbyhole/tune', {
        description: 'x',
      });
    });
  });
});
