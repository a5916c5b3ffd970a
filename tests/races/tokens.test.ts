/** A token that was revoked has no descendants, whoever came a moment earlier or later. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { type Answer, textOf } from '../auth/api.ts';
import { accessorOf, accessors, newToken, untilNothingIsLeft } from './race-server.ts';
import { assertRefused, DENIED, NEW_LEASE, NEW_TOKEN, type Sent, TOKEN_RENEWAL, withEachStorage } from './races.ts';

withEachStorage((races) => {
  describe('a token that is being made', () => {
    for (const [name, end] of races.endings) {
      it(`is not made after ${name} of the token that makes it`, async () => {
        const before = await accessors(races.api);
        const token = await newToken(races.api);
        const request: Sent = ['POST', 'auth/token/create', {}, { token }];
        assertRefused(await races.held(NEW_TOKEN, request, () => end(token)), DENIED);
        assert.deepEqual(await accessors(races.api), before);
      });
    }

    for (const [path, body] of [
      ['auth/token/create-orphan', {}],
      ['auth/token/create', { no_parent: true }],
      ['auth/token/create/orphans', {}],
    ] as const) {
      it(`is not made after the end of the token that makes it, at ${path} ${JSON.stringify(body)}`, async () => {
        const before = await accessors(races.api);
        const token = await newToken(races.api);
        const end = () => races.post('auth/token/revoke', { token });
        assertRefused(await races.held(NEW_TOKEN, ['POST', path, body, { token }], end), DENIED);
        assert.deepEqual(await accessors(races.api), before);
      });
    }

    it('is not made after the end of the token above the one that makes it', async () => {
      const above = await newToken(races.api);
      const { auth } = await races.post('auth/token/create', {}, above);
      const request: Sent = ['POST', 'auth/token/create', {}, { token: textOf(auth['client_token']) }];
      const end = () => races.post('auth/token/revoke', { token: above });
      assertRefused(await races.held(NEW_TOKEN, request, end), DENIED);
    });

    it('ends with its parent when it comes while that is being ended', async () => {
      const token = await newToken(races.api);
      let child: Answer | undefined;
      await races.held(/^DELETE FROM tokens/, ['POST', 'auth/token/revoke', { token }], async () => {
        child = await races.api('POST', 'auth/token/create', {}, { token });
      });
      // In a database, where several write, the family was closed before.
      if (races.kind.shared) assert.equal(child?.status, 403);
      else assert.ok(!(await races.api.alive(textOf(child?.auth['client_token']))));
    });

    it('is not made by a role that was changed or deleted', async () => {
      const role = 'auth/token/roles/orphans';
      const change = () => races.post(role, { allowed_policies: 'default' });
      for (const end of [change, () => races.api.ok('DELETE', role)]) {
        const before = await accessors(races.api);
        const request: Sent = ['POST', 'auth/token/create/orphans'];
        assertRefused(await races.held(NEW_TOKEN, request, end), [403, /role was changed or deleted/]);
        assert.deepEqual(await accessors(races.api), before);
      }
      await races.post(role, { allowed_policies: 'app', orphan: true });
    });

    it('keeps its own id when another takes it at the same moment', async () => {
      const body = { id: 'twice', ttl: '1h' };
      const second = await races.held(NEW_TOKEN, ['POST', 'auth/token/create', body], () =>
        races.post('auth/token/create', body),
      );
      assertRefused(second, [400, 'cannot create a token with a duplicate ID']);
      await races.post('auth/token/revoke', { token: 'twice' });
    });
  });

  describe('a token', () => {
    it('is not brought back by a renewal', async () => {
      const before = await accessors(races.api);
      for (const path of ['renew-self', 'renew']) {
        const token = await newToken(races.api, { ttl: '1h' });
        const caller = path === 'renew' ? 'root' : token;
        const request: Sent = ['POST', `auth/token/${path}`, { increment: '2h', token }, { token: caller }];
        assertRefused(await races.held(TOKEN_RENEWAL, request, () => races.post('auth/token/revoke', { token })), [
          403,
          /bad token/,
        ]);
      }
      assert.deepEqual(await accessors(races.api), before);
    });

    it('takes its children along when its time is over already', async () => {
      for (const by of ['token', 'accessor']) {
        const token = await newToken(races.api, { ttl: '1h' });
        const accessor = await accessorOf(races.api, token);
        const { auth } = await races.post('auth/token/create', { ttl: '1h' }, token);
        const sweep = races.server.store.hold(/uses_left < 0 ORDER BY uses_left LIMIT \$2/);
        await races.server.store.inner.run('UPDATE tokens SET expire_time = 1 WHERE accessor = $1', [accessor]);
        if (by === 'token') await races.post('auth/token/revoke', { token });
        else await races.post('auth/token/revoke-accessor', { accessor });
        assert.ok(!(await races.api.alive(textOf(auth['client_token']))), `by ${by}`);
        sweep.release();
      }
    });

    it('leaves its children when whoever ended it without them was cut off', async () => {
      const token = await newToken(races.api, { ttl: '1h' });
      const accessor = await accessorOf(races.api, token);
      const { auth } = await races.post('auth/token/create', { ttl: '1h' }, token);
      const child = textOf(auth['client_token']);
      await races.server.store.inner.run('UPDATE tokens SET expire_time = 2 WHERE accessor = $1', [accessor]);
      await eventually(async () => !(await accessors(races.api)).includes(accessor), 'the end of the parent');
      assert.equal((await races.api.lookup(child))['orphan'], true);
      await races.post('auth/token/revoke', { token: child });
    });

    it('ends with descendants however deep and however many, in one request', async () => {
      const before = await accessors(races.api);
      const token = await newToken(races.api);
      const { rows } = await races.server.store.inner.run('SELECT * FROM tokens WHERE accessor = $1', [
        await accessorOf(races.api, token),
      ]);
      const value = rows[0]?.['value'] ?? null;
      const many = 2_000;
      const row = (id: string, parent: string) => ({
        sql: 'INSERT INTO tokens (id, accessor, parent, expire_time, uses_left, value) VALUES ($1, $1, $2, NULL, 0, $3)',
        params: [id, parent, value],
      });
      const root = String(rows[0]?.['id']);
      const chain = Array.from({ length: many }, (_, n) => row(`chain-${n}`, n === 0 ? root : `chain-${n - 1}`));
      const fan = Array.from({ length: many }, (_, n) => row(`fan-${n}`, 'chain-10'));
      await races.server.store.inner.transaction([...chain, ...fan]);
      await races.post('auth/token/revoke', { token });
      assert.deepEqual(await accessors(races.api), before);
    });
  });

  if (!races.kind.shared) return;

  describe('what another session has done and not committed', () => {
    const child = (token: string): Sent => ['POST', 'auth/token/create', {}, { token }];

    for (const [name, end] of races.endings.filter(([title]) => title !== 'revoke-orphan')) {
      it(`is a child: ${name} waits for it and ends it`, async () => {
        const before = await accessors(races.api);
        const token = await newToken(races.api);
        await races.uncommitted(NEW_TOKEN, child(token), () => end(token));
        assert.deepEqual(await accessors(races.api), before);
      });
    }

    it('is a child: revoke-orphan waits for it and makes it an orphan', async () => {
      const token = await newToken(races.api);
      const { auth } = await races.uncommitted(NEW_TOKEN, child(token), () =>
        races.post('auth/token/revoke-orphan', { token }),
      );
      const orphan = textOf(auth['client_token']);
      assert.equal((await races.api.lookup(orphan))['orphan'], true);
      await races.post('auth/token/revoke', { token: orphan });
    });

    describe('and that a transaction with one snapshot does not see', () => {
      before(() => (races.server.store.snapshots = true));
      after(() => (races.server.store.snapshots = false));

      it('is a child: revoke ends it', async () => {
        const before = await accessors(races.api);
        const token = await newToken(races.api);
        await races.uncommitted(NEW_TOKEN, child(token), () => races.post('auth/token/revoke', { token }));
        assert.deepEqual(await accessors(races.api), before);
      });

      it('is a child: revoke-orphan makes it an orphan', async () => {
        const token = await newToken(races.api);
        const { auth } = await races.uncommitted(NEW_TOKEN, child(token), () =>
          races.post('auth/token/revoke-orphan', { token }),
        );
        const orphan = textOf(auth['client_token']);
        assert.equal((await races.api.lookup(orphan))['orphan'], true);
        await races.post('auth/token/revoke', { token: orphan });
      });

      for (const end of ['revoke', 'revoke-orphan']) {
        it(`is a lease: ${end} ends it`, async () => {
          const token = await newToken(races.api);
          const request: Sent = ['GET', 'database/creds/app', undefined, { token }];
          await races.uncommitted(NEW_LEASE, request, () => races.post(`auth/token/${end}`, { token }));
          await untilNothingIsLeft(races.server, races.database);
        });
      }
    });

    it('is a grandchild: it ends with the rest', async () => {
      const before = await accessors(races.api);
      const token = await newToken(races.api);
      const { auth } = await races.post('auth/token/create', {}, token);
      await races.uncommitted(NEW_TOKEN, child(textOf(auth['client_token'])), () =>
        races.post('auth/token/revoke', { token }),
      );
      assert.deepEqual(await accessors(races.api), before);
    });

    it('is a lease: it is revoked', async () => {
      const token = await newToken(races.api);
      const request: Sent = ['GET', 'database/creds/app', undefined, { token }];
      await races.uncommitted(NEW_LEASE, request, () => races.post('auth/token/revoke', { token }));
      await untilNothingIsLeft(races.server, races.database);
    });

    it('is a login: the deletion of its user waits for it', async () => {
      const login: Sent = ['POST', 'auth/userpass/login/ana', { password: 'training' }, { token: '' }];
      const { auth } = await races.uncommitted(NEW_TOKEN, login, () =>
        races.api.ok('DELETE', 'auth/userpass/users/ana'),
      );
      // As if it had come a moment earlier.
      await races.post('auth/token/revoke', { token: textOf(auth['client_token']) });
    });

    it('is a renewal: it does not outlive the revocation', async () => {
      const before = await accessors(races.api);
      const token = await newToken(races.api, { ttl: '1h' });
      const request: Sent = ['POST', 'auth/token/renew-self', { increment: '2h' }, { token }];
      await races.uncommitted(TOKEN_RENEWAL, request, () => races.post('auth/token/revoke', { token }));
      assert.deepEqual(await accessors(races.api), before);
    });
  });
});
