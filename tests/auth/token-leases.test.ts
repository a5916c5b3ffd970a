/** Leases of tokens: listed, looked up and revoked like those of credentials, in a store of either kind. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { newToken, untilNothingIsLeft } from '../races/race-server.ts';
import { NEW_TOKEN, withEachStorage } from '../races/races.ts';
import { type Answer, textOf } from './api.ts';

const LOOKUP = 'sys/leases/lookup';

withEachStorage((races) => {
  const login = async (): Promise<string> => {
    const { auth } = await races.api.ok('POST', 'auth/userpass/login/ana', { password: 'training' }, { token: '' });
    return textOf(auth['client_token']);
  };
  const newOrphan = async (): Promise<string> => {
    const { auth } = await races.post('auth/token/create/orphans', { policies: ['app'] });
    return textOf(auth['client_token']);
  };
  const keys = async (prefix: string): Promise<string[]> => {
    const { status, data, error } = await races.api('LIST', prefix === '' ? LOOKUP : `${LOOKUP}/${prefix}`);
    assert.ok(status === 200 || status === 404, error);
    return (data['keys'] ?? []) as string[];
  };
  /** The only lease below `place`. */
  const leaseAt = async (place: string): Promise<string> => {
    const [key = '', ...others] = await keys(place);
    assert.deepEqual(others, []);
    return `${place}/${key}`;
  };
  const alive = async (...tokens: string[]): Promise<boolean[]> =>
    Promise.all(tokens.map((token) => races.api.alive(token)));
  const creds = async (token: string): Promise<string> =>
    textOf((await races.api.ok('GET', 'database/creds/app', undefined, { token })).body['lease_id']);

  afterEach(async () => {
    await races.post('sys/leases/revoke-prefix/auth');
    await races.post('sys/leases/revoke-prefix/database');
    await untilNothingIsLeft(races.server, races.database);
  });

  describe('the lease of a token', () => {
    it('is listed where the token was issued, level by level, beside those of credentials', async () => {
      assert.deepEqual([await keys(''), await keys('auth')], [[], []]);
      const token = await login();
      const orphan = await newOrphan();
      await creds(token);
      assert.deepEqual(await keys(''), ['auth/', 'database/']);
      assert.deepEqual(await keys('auth'), ['token/', 'userpass/']);
      assert.deepEqual(await keys('auth/'), ['token/', 'userpass/']);
      assert.deepEqual(await keys('auth/userpass'), ['login/']);
      assert.deepEqual(await keys('auth/userpass/login'), ['ana/']);
      assert.match(await leaseAt('auth/userpass/login/ana'), /^auth\/userpass\/login\/ana\/h[0-9a-f]{64}$/);
      assert.match(await leaseAt('auth/token/create/orphans'), /\/h[0-9a-f]{64}$/);
      await races.post('auth/token/revoke', { token: orphan });
      assert.deepEqual(await keys('auth'), ['userpass/']);
    });

    it('is listed in pages', async () => {
      for (let n = 0; n < 5; n++) await newToken(races.api, { ttl: '1h' });
      await races.api.ok('GET', 'sys/mounts', undefined, { wrapTtl: '1h' });
      const all = await keys('auth/token/create');
      assert.deepEqual(all, all.toSorted());
      assert.equal(all.length, 5);
      const page = await races.api.ok('GET', `${LOOKUP}/auth/token/create?list=true&limit=2&after=${all[1] ?? ''}`);
      assert.deepEqual(page.data['keys'], all.slice(2, 4));
      assert.deepEqual((await races.api.ok('GET', `${LOOKUP}?list=true&limit=1`)).data['keys'], ['auth/']);
      assert.deepEqual((await races.api.ok('GET', `${LOOKUP}?list=true&after=auth/`)).data['keys'], ['sys/']);
      await races.post('sys/leases/revoke-prefix/sys');
    });

    it('shows the times of the token, and is renewed by the token alone', async () => {
      const token = await newToken(races.api, { ttl: '1h' });
      const lease_id = await leaseAt('auth/token/create');
      const shown = await races.post(LOOKUP, { lease_id });
      const { issue_time, expire_time } = await races.api.lookup(token);
      assert.partialDeepStrictEqual(shown.data, {
        ...{ id: lease_id, path: 'auth/token/create', renewable: true, last_renewal: null },
        ...{ issue_time, expire_time },
      });
      assert.ok(Number(shown.data['ttl']) > 3500);
      for (const path of ['sys/leases/renew', 'sys/renew']) {
        await races.api.refused([400, 'tokens cannot be renewed through this endpoint'], 'POST', path, { lease_id });
      }
      await races.post('auth/token/renew-self', { increment: '2h' }, token);
      const renewed = await races.post(LOOKUP, { lease_id });
      assert.ok(Number(renewed.data['ttl']) > 7100 && renewed.data['last_renewal'] !== null);
    });

    it('of a token that does not expire has no end', async () => {
      const { auth } = await races.post('auth/token/create');
      const lease_id = await leaseAt('auth/token/create');
      const { data } = await races.post(LOOKUP, { lease_id });
      assert.partialDeepStrictEqual(data, { expire_time: null, ttl: 0, renewable: false });
      await races.api.refused([400, 'lease is not renewable'], 'POST', 'sys/leases/renew', { lease_id });
      await races.post('sys/leases/revoke-prefix/auth/token/create');
      assert.deepEqual(await alive(textOf(auth['client_token']), 'root'), [false, true]);
    });

    it('is no way to the token, and no lease once the token is over', async () => {
      const token = await newToken(races.api, { num_uses: 1 });
      const lease_id = await leaseAt('auth/token/create');
      const name = lease_id.replace(/.*\//, '');
      assert.ok(!lease_id.includes(token));
      assert.deepEqual(await alive(lease_id, name, name.slice(1)), [false, false, false]);
      assert.deepEqual(await alive(token), [true]);
      await races.api.refused([400, 'invalid lease'], 'POST', LOOKUP, { lease_id });
      await races.api.refused([400, 'lease not found'], 'POST', 'sys/leases/renew', { lease_id });
      assert.deepEqual(await keys('auth/token/create'), []);
    });

    it('needs sudo to be listed, and none to be looked up', async () => {
      const policy = `path "sys/leases/lookup*" { capabilities = ["update", "list"] }`;
      await races.api.ok('PUT', 'sys/policies/acl/looks', { policy });
      const token = await newToken(races.api, { policies: ['looks'], ttl: '1h' });
      const lease_id = await leaseAt('auth/token/create');
      await races.post(LOOKUP, { lease_id }, token);
      for (const path of [LOOKUP, `${LOOKUP}/`, `${LOOKUP}/auth`]) {
        await races.api.refused([403, /permission denied/], 'LIST', path, undefined, { token });
      }
    });
  });

  describe('revocation', () => {
    const queued: JsonObject = { sync: false };

    for (const [name, end] of [
      ['revoke', (lease_id) => races.post('sys/leases/revoke', { lease_id })],
      ['revoke, queued', (lease_id) => races.post('sys/leases/revoke', { lease_id, ...queued })],
      ['revoke with the id in the URL', (lease_id) => races.post(`sys/revoke/${lease_id}`)],
      ['revoke-prefix', (lease_id) => races.post(`sys/leases/revoke-prefix/${lease_id}`)],
      ['revoke-prefix, queued', (lease_id) => races.post(`sys/revoke-prefix/${lease_id}`, queued)],
      ['revoke-force', (lease_id) => races.post(`sys/leases/revoke-force/${lease_id}`)],
    ] satisfies [string, (lease: string) => Promise<Answer>][]) {
      it(`of one lease by ${name} ends that one: a token with its children and credentials`, async () => {
        const [first, second] = [await newOrphan(), await newToken(races.api, { ttl: '1h' })];
        const child = textOf((await races.post('auth/token/create', {}, first)).auth['client_token']);
        await creds(child);
        await end(await leaseAt('auth/token/create/orphans'));
        assert.deepEqual(await alive(first, child, second), [false, false, true]);
        await untilNothingIsLeft(races.server, races.database);
      });

      it(`of one lease by ${name} ends that one: a credential`, async () => {
        const [one, other] = [await creds('root'), await creds('root')];
        await end(one);
        const gone = async () => (await races.api('POST', LOOKUP, { lease_id: one })).status === 400;
        for (let tries = 0; tries < 100 && !(await gone()); tries++) await new Promise((done) => setTimeout(done, 50));
        assert.ok(await gone());
        assert.equal((await races.api('POST', LOOKUP, { lease_id: other })).status, 200);
      });
    }

    for (const [prefix, expected] of [
      ['auth/userpass/login/ana', [false, true, true, true]],
      ['auth/userpass', [false, true, true, true]],
      ['auth/token/create', [true, false, false, true]],
      ['auth/token/create/orphans', [true, true, false, true]],
      ['auth/token/create-orphan', [true, true, true, false]],
      ['auth/token', [true, false, false, false]],
      ['auth', [false, false, false, false]],
      ['auth/userpass/login/an', [true, true, true, true]],
      ['auth/userp', [true, true, true, true]],
    ] as const) {
      it(`of ${prefix} ends the tokens that were issued there`, async () => {
        const { auth } = await races.post('auth/token/create-orphan', { policies: ['app'] });
        const tokens = [await login(), await newToken(races.api), await newOrphan(), textOf(auth['client_token'])];
        assert.equal((await races.post(`sys/leases/revoke-prefix/${prefix}`)).status, 204);
        assert.deepEqual(await alive(...tokens), expected);
      });
    }

    for (const path of ['leases/revoke-force', 'revoke-prefix', 'revoke-force']) {
      it(`by sys/${path} does the same`, async () => {
        const tokens = [await newToken(races.api), await newOrphan()];
        await races.post(`sys/${path}/auth/token/create/orphans`);
        assert.deepEqual(await alive(...tokens), [true, false]);
      });
    }

    it('below an engine also ends what its wrapped answers are kept in', async () => {
      const { wrapInfo } = await races.api.ok('GET', 'database/creds/app', undefined, { wrapTtl: '5m' });
      assert.equal((await keys('database/creds/app')).length, 2);
      await races.post('sys/leases/revoke-prefix/database/creds');
      const unwrap = races.api('POST', 'sys/wrapping/unwrap', {}, { token: textOf(wrapInfo['token']) });
      assert.equal((await unwrap).status, 400);
    });

    it('of more tokens than go into one transaction ends all', async () => {
      const { rows } = await races.server.store.inner.run("SELECT value FROM tokens WHERE lease = '' LIMIT 1");
      const row = (n: number) => ({
        sql: `INSERT INTO tokens (id, accessor, parent, expire_time, uses_left, lease, value)
              VALUES ($1, $1, '', NULL, 0, $2, $3)`,
        params: [`many-${n}`, `auth/many/login/h${n}`, rows[0]?.['value'] ?? null],
      });
      await races.server.store.inner.transaction(Array.from({ length: 1_200 }, (_, n) => row(n)));
      await races.post('sys/leases/revoke-prefix/auth/many');
      assert.deepEqual(await keys('auth/many'), []);
      const left = await races.server.store.inner.run("SELECT id FROM tokens WHERE id LIKE 'many-%'");
      assert.deepEqual(left.rows, []);
    });

    it('finds a token that is made while others there are revoked', async () => {
      const first = await login();
      const hold = races.server.store.hold(/^SELECT id FROM tokens WHERE lease >/);
      const revoked = races.post('sys/leases/revoke-prefix/auth/userpass');
      await hold.reached;
      const late = await login();
      hold.release();
      await revoked;
      assert.deepEqual(await alive(first, late), [false, false]);
    });

    it('with the user gone leaves no login that is under way', async () => {
      const request = ['POST', 'auth/userpass/login/ana', { password: 'training' }, { token: '' }] as const;
      const { status } = await races.held(NEW_TOKEN, request, async () => {
        await races.api.ok('DELETE', 'auth/userpass/users/ana');
        await races.post('sys/leases/revoke-prefix/auth/userpass/login/ana');
      });
      assert.equal(status, 403);
      assert.deepEqual(await keys('auth/userpass'), []);
      await races.post('auth/userpass/users/ana', { password: 'training', token_policies: 'app' });
    });
  });

  describe('the last use of a token', () => {
    const refusal = [400, /^Secret cannot be returned; token had one use left/] as const;

    for (const [name, options] of [
      ['in the open', {}],
      ['wrapped', { wrapTtl: '5m' }],
    ] as const) {
      it(`makes no credential that would end with it, ${name}, and is used up`, async () => {
        const token = await newToken(races.api, { num_uses: 2 });
        await creds(token);
        const made: string[] = [];
        const { store } = races.server;
        store.holdAround(/^INSERT/, async (statements) => {
          made.push(...statements.map(({ sql }) => sql));
          return store.inner.transaction(statements);
        });
        await races.api.refused(refusal, 'GET', 'database/creds/app', undefined, { token, ...options });
        assert.deepEqual(made, []);
        assert.deepEqual(await alive(token), [false]);
        await untilNothingIsLeft(races.server, races.database);
      });
    }

    it('of several at once is one use: the others get theirs', async () => {
      const token = await newToken(races.api, { num_uses: 3 });
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => races.api('GET', 'database/creds/app', undefined, { token })),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 400, 403, 403]);
      await untilNothingIsLeft(races.server, races.database);
    });

    it('may read what does not end with it, also wrapped', async () => {
      await races.api.ok('PUT', 'sys/policies/acl/reads', { policy: 'path "sys/mounts" { capabilities = ["read"] }' });
      const body = { num_uses: 1, policies: ['reads'] };
      await races.api.ok('GET', 'sys/mounts', undefined, { token: await newToken(races.api, body) });
      const options = { token: await newToken(races.api, body), wrapTtl: '5m' };
      const { wrapInfo } = await races.api.ok('GET', 'sys/mounts', undefined, options);
      const { data } = await races.api.ok('POST', 'sys/wrapping/unwrap', {}, { token: textOf(wrapInfo['token']) });
      assert.ok('database/' in data);
    });

    it('extends no lease that ends with it, but those of others', async () => {
      const token = await newToken(races.api, { num_uses: 2 });
      const own = await creds(token);
      const expiry = async (id: string) => {
        const { rows } = await races.server.store.inner.run('SELECT expire_time FROM leases WHERE id = $1', [id]);
        return Number(rows[0]?.['expire_time']);
      };
      const before = await expiry(own);
      const held: number[] = [];
      races.server.store.holdAround(/^UPDATE tokens SET expire_time/, async (statements) => {
        held.push(await expiry(own));
        return races.server.store.inner.transaction(statements);
      });
      const body = { lease_id: own, increment: '2h' };
      await races.api.refused(refusal, 'POST', 'sys/leases/renew', body, { token });
      await untilNothingIsLeft(races.server, races.database);
      assert.deepEqual([...new Set(held)], [before], 'it was not extended before it ended');

      const others = await creds('root');
      for (const path of ['sys/leases/renew', 'sys/renew']) {
        const options = { token: await newToken(races.api, { num_uses: 1 }) };
        const answer = await races.api.ok('POST', path, { lease_id: others, increment: '2h' }, options);
        assert.equal(answer.body['lease_duration'], 7200, path);
      }
    });

    it('does not renew the token, by whichever path', async () => {
      const policy = 'path "auth/token/renew*" { capabilities = ["update"] }';
      await races.api.ok('PUT', 'sys/policies/acl/renews', { policy });
      for (const [path, error, wrapTtl] of [
        ['renew-self', 'token not found', ''],
        ['renew-self', 'token not found', '5m'],
        ['renew', 'token not found', ''],
        ['renew-accessor', /invalid accessor/, ''],
      ] as const) {
        const { auth } = await races.post('auth/token/create', { num_uses: 1, policies: ['renews'] });
        const [token, accessor] = [textOf(auth['client_token']), textOf(auth['accessor'])];
        const options = { token, wrapTtl };
        const body = path === 'renew-self' ? {} : { token, accessor };
        await races.api.refused([400, error], 'POST', `auth/token/${path}`, body, options);
      }
      const twice = await newToken(races.api, { num_uses: 2 });
      const { auth } = await races.api.ok('POST', 'auth/token/renew-self', { increment: '2h' }, { token: twice });
      assert.equal(auth['lease_duration'], 7200);
    });

    it('makes no child, as no use of such a token does', async () => {
      const token = await newToken(races.api, { num_uses: 1 });
      await races.api.refused([400, /restricted use token/], 'POST', 'auth/token/create', {}, { token });
    });
  });
});
