/** What a login is granted by is still there when its token is made, or there is no token. */
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import type { JsonObject } from '@coffer/base';
import { accessors, enableAppRole, enableUserpass } from './race-server.ts';
import { assertRefused, NEW_TOKEN, type Sent, withEachStorage } from './races.ts';

withEachStorage((races) => {
  describe('a login to an auth method', () => {
    const CHANGED = [403, /changed or deleted during the login/] as const;
    const DISABLED = [403, /changed or deleted|disabled during the login/] as const;
    const user = 'auth/userpass/users/ana';
    const role = 'auth/approle/role/web';

    for (const [name, change, refusal] of [
      ['the user was deleted', () => races.api.ok('DELETE', user), CHANGED],
      ['the password was changed', () => races.post(`${user}/password`, { password: 'other' }), CHANGED],
      ['the policies were changed', () => races.post(`${user}/policies`, { policies: 'default' }), CHANGED],
      ['the method was disabled', () => races.api.ok('DELETE', 'sys/auth/userpass'), DISABLED],
    ] as const) {
      it(`by password gives no token after ${name}`, async () => {
        const before = await accessors(races.api);
        const login: Sent = ['POST', 'auth/userpass/login/ana', { password: 'training' }, { token: '' }];
        assertRefused(await races.held(NEW_TOKEN, login, change), refusal);
        assert.deepEqual(await accessors(races.api), before);
        await races.api('DELETE', 'sys/auth/userpass');
        await enableUserpass(races.api);
      });
    }

    for (const [name, change, refusal] of [
      ['the role was deleted', () => races.api.ok('DELETE', role), CHANGED],
      ['the role was changed', () => races.post(role, { token_policies: 'default' }), CHANGED],
      [
        'the secret id was destroyed',
        (secret: JsonObject) => races.post(`${role}/secret-id/destroy`, { secret_id: secret['secret_id'] ?? '' }),
        CHANGED,
      ],
      [
        'the secret id was destroyed by its accessor',
        ({ secret_id_accessor: accessor = '' }: JsonObject) =>
          races.post(`${role}/secret-id-accessor/destroy`, { secret_id_accessor: accessor }),
        CHANGED,
      ],
      ['the method was disabled', () => races.api.ok('DELETE', 'sys/auth/approle'), DISABLED],
    ] as const) {
      it(`by secret id gives no token after ${name}`, async () => {
        const before = await accessors(races.api);
        const { data } = await races.post(`${role}/secret-id`);
        const { data: id } = await races.api.ok('GET', `${role}/role-id`);
        const body = { role_id: id['role_id'] ?? '', secret_id: data['secret_id'] ?? '' };
        const login: Sent = ['POST', 'auth/approle/login', body, { token: '' }];
        assertRefused(await races.held(NEW_TOKEN, login, () => change(data)), refusal);
        assert.deepEqual(await accessors(races.api), before);
        await races.api('DELETE', 'sys/auth/approle');
        await enableAppRole(races.api);
      });
    }
  });

  describe('a change', () => {
    const user = 'auth/userpass/users/ana';
    const role = 'auth/approle/role/web';
    const WRITE_OF_ROLE = /^UPDATE entries/;
    const WRITE = /^(INSERT INTO|UPDATE) entries .*/;

    for (const [path, body] of [
      [`${user}/password`, { password: 'other' }],
      [`${user}/policies`, { policies: 'default' }],
      [user, { token_ttl: '1h' }],
      [user, { password: 'other' }],
    ] as const) {
      it(`does not bring back a user that was deleted: ${path} ${Object.keys(body).join()}`, async () => {
        const remove = () => races.api.ok('DELETE', user);
        assertRefused(await races.held(WRITE, ['POST', path, body], remove), [400, 'username does not exist']);
        assert.equal((await races.api('GET', user)).status, 404);
        await races.post(user, { password: 'training', token_policies: 'app' });
      });
    }

    it('of policies does not take back a password', async () => {
      const change = () => races.post(`${user}/password`, { password: 'other' });
      const answer = await races.held(WRITE, ['POST', `${user}/policies`, { policies: 'app' }], change);
      assert.ok(answer.status < 300, answer.error);
      const login = 'auth/userpass/login/ana';
      assert.equal((await races.api('POST', login, { password: 'training' }, { token: '' })).status, 400);
      assert.equal((await races.api('POST', login, { password: 'other' }, { token: '' })).status, 200);
    });

    it('does not give back what a role lost meanwhile', async () => {
      const tokenRole = 'auth/token/roles/changing';
      await races.post(tokenRole, { allowed_policies: 'app,ops' });
      await races.post(role, { token_policies: 'app,ops', token_ttl: '1h' });
      for (const [path, field] of [
        [tokenRole, 'allowed_policies'],
        [role, 'token_policies'],
      ] as const) {
        const lose = () => races.post(path, { [field]: 'app' });
        const answer = await races.held(WRITE_OF_ROLE, ['POST', path, { token_num_uses: 9 }], lose);
        assert.ok(answer.status < 300, answer.error);
        const { data } = await races.api.ok('GET', path);
        assert.deepEqual([data[field], data['token_num_uses']], [['app'], 9], path);
      }
      const reset = () => races.post(`${role}/role-id`, { role_id: 'another' });
      await races.held(WRITE_OF_ROLE, ['POST', role, { token_num_uses: 0 }], reset);
      assert.equal((await races.api.ok('GET', `${role}/role-id`)).data['role_id'], 'another');
      const { data } = await races.post(`${role}/secret-id`);
      const body = { role_id: 'another', secret_id: data['secret_id'] ?? '' };
      await races.api.ok('POST', 'auth/approle/login', body, { token: '' });
      await races.api.ok('DELETE', tokenRole);
    });

    it('does not bring back a role of a database, or what was taken out of it', async () => {
      const path = 'database/roles/changing';
      await races.post(path, { db_name: 'db', creation_statements: 'GRANT app', default_ttl: '1h' });
      const change: Sent = ['POST', path, { default_ttl: '2h' }];
      await races.held(WRITE_OF_ROLE, change, () => races.post(path, { creation_statements: 'SELECT 1' }));
      const { data } = await races.api.ok('GET', path);
      assert.deepEqual([data['creation_statements'], data['default_ttl']], [['SELECT 1'], 7200]);
      const remove = () => races.api.ok('DELETE', path);
      assertRefused(await races.held(WRITE_OF_ROLE, change, remove), [404, /does not exist/]);
      assert.equal((await races.api('GET', path)).status, 404);
    });

    it('does not bring back a role that was deleted', async () => {
      for (const path of [role, `${role}/policies`, 'auth/token/roles/changing']) {
        await races.post(path.replace('/policies', ''));
        const request: Sent = ['POST', path, { token_policies: 'default' }];
        const whole = path.replace('/policies', '');
        const remove = () => races.api.ok('DELETE', whole);
        assertRefused(await races.held(WRITE_OF_ROLE, request, remove), [404, /does not exist/]);
        assert.equal((await races.api('GET', whole)).status, 404);
        await races.post(role, { token_policies: 'app' });
      }
    });
  });
});
