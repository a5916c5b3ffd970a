/** What bounds clients bounds them on every node: quotas, and lockouts of users who are guessed at. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { type Api, textOf } from '../auth/api.ts';
import { type Pair, startPair } from './nodes.ts';

let pair: Pair;
before(async () => {
  pair = await startPair();
});
after(() => pair.stop());

describe('on every node', () => {
  it('goes with its mount: a quota', async () => {
    const { one: first, other: second } = pair;
    const shown = async (api: Api, name: string) => (await api('GET', `sys/quotas/rate-limit/${name}`)).data['path'];
    const login = (api: Api, path: string) => api('POST', `${path}/login/ana`, { password: 'x' }, { token: '' });
    await first.ok('POST', 'sys/auth/here', { type: 'userpass' });
    for (const [name, suffix] of Object.entries({ whole: '', part: '/login/ana' }))
      await first.ok('POST', `sys/quotas/rate-limit/${name}`, {
        path: `auth/here${suffix}`,
        rate: 1,
        interval: '1h',
      });
    const { data } = await first.ok('POST', 'sys/remount', { from: 'auth/here', to: 'auth/there' });
    const status = `sys/remount/status/${textOf(data['migration_id'])}`;
    const isOver = async () =>
      textOf(((await second.ok('GET', status)).data['migration_info'] as JsonObject)['status']);
    await eventually(async () => (await isOver()) === 'success', 'it has moved');
    assert.deepEqual(
      [await shown(second, 'whole'), await shown(second, 'part')],
      ['auth/there/', 'auth/there/login/ana'],
    );
    assert.deepEqual(
      [(await login(second, 'auth/there')).status, (await login(second, 'auth/there')).status],
      [400, 429],
    );
    await second.ok('DELETE', 'sys/auth/there');
    await first.ok('POST', 'sys/auth/there', { type: 'userpass' });
    for (const api of [first, second]) assert.equal(await shown(api, 'whole'), undefined);
    assert.deepEqual(
      [(await login(first, 'auth/there')).status, (await login(first, 'auth/there')).status],
      [400, 400],
    );
    await first.ok('DELETE', 'sys/auth/there');
  });

  it('locks out after as many guesses: a user, and in the same way a name that nobody has', async () => {
    const { one: first, other: second } = pair;
    await first.ok('POST', 'sys/auth/guarded', { type: 'userpass' });
    await first.ok('POST', 'auth/guarded/users/ana', { password: 'right' });
    await first.ok('POST', 'sys/auth/guarded/tune', { user_lockout_config: { lockout_threshold: 3 } });
    for (const name of ['ana', 'nobody']) {
      const guess = async (api: Api) =>
        (await api('POST', `auth/guarded/login/${name}`, { password: 'wrong' }, { token: '' })).status;
      const answers: number[] = [];
      for (const node of [first, second, first, second, first]) answers.push(await guess(node));
      assert.deepEqual(answers, [400, 400, 400, 403, 403], name);
    }
    await first.ok('DELETE', 'sys/auth/guarded');
  });
});
