/** Each race decided: one call to the store is held while the other side gets its answer. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import pg from 'pg';
import { type Answer, type Api, type RequestOptions, textOf } from '../auth/api.ts';
import {
  accessorOf,
  accessors,
  enableAppRole,
  enableUserpass,
  eventually,
  leaseCount,
  mountDatabase,
  newToken,
  prepare,
  type RaceServer,
  startRaceServer,
  untilNothingIsLeft,
} from './race-server.ts';
import { type Storage, STORAGES } from './storages.ts';

const NEW_TOKEN = /^INSERT INTO tokens/;
const NEW_LEASE = /^INSERT INTO leases/;
const DENIED = [403, /permission denied/] as const;
const NO_WRAPPING_TOKEN = [400, 'wrapping token is not valid or does not exist'] as const;

/** What a second session holds open while it waits to commit. */
const OPEN_KEY = 4711;

type Refusal = readonly [status: number, error: string | RegExp];
type Sent = readonly [method: string, path: string, body?: JsonObject | null | undefined, options?: RequestOptions];

for (const kind of STORAGES) {
  describe(`with the store in ${kind.name}`, () => {
    let database: TestDatabase;
    let storage: Storage;
    let server: RaceServer;
    let api: Api;
    before(async () => {
      database = await databaseUnderTest();
      storage = await kind.make(database);
      server = await startRaceServer(storage);
      ({ api } = server);
      await prepare(server, database);
    });
    after(async () => {
      await server.close();
      await storage.remove();
      await database.stop();
    });

    /** Holds `request` at its call like `pattern` until `first` is over. Returns what came of it. */
    async function held(pattern: RegExp, request: Sent, first: () => Promise<unknown>): Promise<Answer> {
      const hold = server.store.hold(pattern);
      const answer = api(...request);
      await Promise.race([hold.reached, answer.then(({ error }) => assert.fail(`it was not held: ${error}`))]);
      try {
        await first();
      } finally {
        hold.release();
      }
      return answer;
    }
    function assertRefused({ status, error }: Answer, [expected, text]: Refusal): void {
      assert.equal(status, expected, error);
      if (typeof text === 'string') assert.equal(error, text);
      else assert.match(error, text);
    }
    const post = (path: string, body: JsonObject = {}, token = 'root') => api.ok('POST', path, body, { token });
    const entriesBelow = async (mount: string): Promise<number> =>
      (await server.store.inner.run('SELECT name FROM entries WHERE mount = $1', [mount])).rows.length;

    /**
     * Runs `request` up to where its call like `pattern` has done its work and not committed it, then starts `second`, lets the
     * call commit once `second` waits for it (or is over without waiting), and returns what came of `request`.
     */
    async function uncommitted(pattern: RegExp, request: Sent, second: () => Promise<unknown>): Promise<Answer> {
      // Advisory locks are a database's own: this is the store's.
      const blocker = new pg.Client({ connectionString: storage.url });
      await blocker.connect();
      try {
        await blocker.query('SELECT pg_advisory_lock($1)', [OPEN_KEY]);
        const wait = { sql: 'SELECT pg_advisory_xact_lock($1)', params: [OPEN_KEY] };
        void server.store.holdAround(pattern, (statements) => server.store.inner.transaction([...statements, wait]));
        const waiting = async (kinds: string): Promise<boolean> =>
          (await database.query(`SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN (${kinds})`)).length > 0;
        const answer = api(...request);
        await eventually(
          () => waiting("'advisory'"),
          () => 'it was not held',
        );
        let over = false;
        const end = second().finally(() => (over = true));
        await eventually(
          async () => over || (await waiting("'transactionid', 'tuple'")),
          () => 'the second one neither waits nor ends',
        );
        await blocker.query('SELECT pg_advisory_unlock($1)', [OPEN_KEY]);
        await end;
        return await answer;
      } finally {
        await blocker.end();
      }
    }

    const endings: readonly [string, (token: string) => Promise<unknown>][] = [
      ['revoke', (token) => post('auth/token/revoke', { token })],
      ['revoke-self', (token) => post('auth/token/revoke-self', {}, token)],
      ['revoke-orphan', (token) => post('auth/token/revoke-orphan', { token })],
      [
        'revoke-accessor',
        async (token) => post('auth/token/revoke-accessor', { accessor: await accessorOf(api, token) }),
      ],
      ['revoke-prefix', () => post('sys/leases/revoke-prefix/auth/token/create')],
    ];

    describe('a token that is being made', () => {
      for (const [name, end] of endings) {
        it(`is not made after ${name} of the token that makes it`, async () => {
          const before = await accessors(api);
          const token = await newToken(api);
          const request: Sent = ['POST', 'auth/token/create', {}, { token }];
          assertRefused(await held(NEW_TOKEN, request, () => end(token)), DENIED);
          assert.deepEqual(await accessors(api), before);
        });
      }

      for (const [path, body] of [
        ['auth/token/create-orphan', {}],
        ['auth/token/create', { no_parent: true }],
        ['auth/token/create/orphans', {}],
      ] as const) {
        it(`is not made after the end of the token that makes it, at ${path} ${JSON.stringify(body)}`, async () => {
          const before = await accessors(api);
          const token = await newToken(api);
          const end = () => post('auth/token/revoke', { token });
          assertRefused(await held(NEW_TOKEN, ['POST', path, body, { token }], end), DENIED);
          assert.deepEqual(await accessors(api), before);
        });
      }

      it('is not made after the end of the token above the one that makes it', async () => {
        const above = await newToken(api);
        const { auth } = await post('auth/token/create', {}, above);
        const request: Sent = ['POST', 'auth/token/create', {}, { token: textOf(auth['client_token']) }];
        const end = () => post('auth/token/revoke', { token: above });
        assertRefused(await held(NEW_TOKEN, request, end), DENIED);
      });

      it('ends with its parent when it comes while that is being ended', async () => {
        const token = await newToken(api);
        let child: Answer | undefined;
        await held(/^DELETE FROM tokens/, ['POST', 'auth/token/revoke', { token }], async () => {
          child = await api('POST', 'auth/token/create', {}, { token });
        });
        // In a database, where several write, the family was closed before.
        if (kind.shared) assert.equal(child?.status, 403);
        else assert.ok(!(await api.alive(textOf(child?.auth['client_token']))));
      });

      it('keeps its own id when another takes it at the same moment', async () => {
        const body = { id: 'twice', ttl: '1h' };
        const second = await held(NEW_TOKEN, ['POST', 'auth/token/create', body], () =>
          post('auth/token/create', body),
        );
        assertRefused(second, [400, 'cannot create a token with a duplicate ID']);
        await post('auth/token/revoke', { token: 'twice' });
      });
    });

    describe('a token', () => {
      it('is not brought back by a renewal', async () => {
        const before = await accessors(api);
        for (const path of ['renew-self', 'renew']) {
          const token = await newToken(api, { ttl: '1h' });
          const caller = path === 'renew' ? 'root' : token;
          const request: Sent = ['POST', `auth/token/${path}`, { increment: '2h', token }, { token: caller }];
          const renewal = /^UPDATE tokens SET expire_time = \$2, value/;
          assertRefused(await held(renewal, request, () => post('auth/token/revoke', { token })), [403, /bad token/]);
        }
        assert.deepEqual(await accessors(api), before);
      });

      it('takes its children along when its time is over already', async () => {
        for (const by of ['token', 'accessor']) {
          const token = await newToken(api, { ttl: '1h' });
          const accessor = await accessorOf(api, token);
          const { auth } = await post('auth/token/create', { ttl: '1h' }, token);
          const sweep = server.store.hold(/uses_left < 0 ORDER BY uses_left LIMIT \$2/);
          await server.store.inner.run('UPDATE tokens SET expire_time = 1 WHERE accessor = $1', [accessor]);
          if (by === 'token') await post('auth/token/revoke', { token });
          else await post('auth/token/revoke-accessor', { accessor });
          assert.ok(!(await api.alive(textOf(auth['client_token']))), `by ${by}`);
          sweep.release();
        }
      });

      it('ends with descendants however deep and however many, in one request', async () => {
        const before = await accessors(api);
        const token = await newToken(api);
        const { rows } = await server.store.inner.run('SELECT * FROM tokens WHERE accessor = $1', [
          await accessorOf(api, token),
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
        await server.store.inner.transaction([...chain, ...fan]);
        await post('auth/token/revoke', { token });
        assert.deepEqual(await accessors(api), before);
      });
    });

    describe('a login that is being made', () => {
      for (const [name, end] of endings.filter(([title]) => title !== 'revoke-prefix')) {
        it(`is not begun after ${name}`, async () => {
          const token = await newToken(api);
          const request: Sent = ['GET', 'database/creds/app', undefined, { token }];
          assertRefused(await held(NEW_LEASE, request, () => end(token)), DENIED);
          assert.equal(await leaseCount(api), 0);
          await untilNothingIsLeft(server, database);
        });

        it(`is dropped when it comes after ${name}`, async () => {
          const token = await newToken(api);
          const request: Sent = ['GET', 'database/creds/app', undefined, { token }];
          const activation = /^UPDATE leases SET state = 'active'/;
          assertRefused(await held(activation, request, () => end(token)), [403, /revoked while/]);
          await untilNothingIsLeft(server, database);
        });
      }

      it('is not begun after the engine was disabled', async () => {
        const request: Sent = ['GET', 'database/creds/app'];
        const answer = await held(NEW_LEASE, request, () => api.ok('DELETE', 'sys/mounts/database'));
        assertRefused(answer, [403, /disabled during the request/]);
        await untilNothingIsLeft(server, database);
        await mountDatabase(api, database);
      });

      it('holds up the disabling of its engine until it is dropped', async () => {
        const hold = server.store.hold(/^UPDATE leases SET state = 'active'/);
        const asked = api('GET', 'database/creds/app');
        await hold.reached;
        const disabled = api.ok('DELETE', 'sys/mounts/database');
        await eventually(
          async () =>
            (await server.store.inner.run("SELECT id FROM leases WHERE state = 'revoking'")).rows.length === 1,
          () => 'it does not look for the lease',
        );
        hold.release();
        assertRefused(await asked, [403, /revoked while/]);
        await disabled;
        await untilNothingIsLeft(server, database);
        await mountDatabase(api, database);
      });

      it('is not renewed once its lease or its token is revoked', async () => {
        const token = await newToken(api);
        const ends: readonly ((lease_id: string) => Promise<unknown>)[] = [
          (lease_id) => api.ok('PUT', 'sys/leases/revoke', { lease_id, sync: false }),
          () => api.ok('PUT', 'sys/leases/revoke-prefix/database', { sync: false }),
          () => post('auth/token/revoke', { token }),
        ];
        for (const end of ends) {
          const { body } = await api.ok('GET', 'database/creds/app', undefined, { token });
          const lease_id = textOf(body['lease_id']);
          const request: Sent = ['PUT', 'sys/leases/renew', { lease_id, increment: 7200 }];
          const renewal = /^UPDATE leases SET expire_time/;
          assertRefused(await held(renewal, request, () => end(lease_id)), [400, 'lease not found']);
          await untilNothingIsLeft(server, database);
        }
      });
    });

    describe('a wrapped answer', () => {
      const wrapped = async (token = 'root'): Promise<{ token: string; accessor: string }> => {
        const { wrapInfo } = await api.ok('GET', 'database/creds/app', undefined, { wrapTtl: '5m', token });
        return { token: textOf(wrapInfo['token']), accessor: textOf(wrapInfo['accessor']) };
      };
      const endAll = async (): Promise<void> => {
        await post('sys/leases/revoke-prefix/database');
        await untilNothingIsLeft(server, database);
        assert.equal(await entriesBelow('core/wrapping'), 0, 'no answer is kept that no token gives out');
      };

      it('is not kept when the token that asked was revoked', async () => {
        const before = await accessors(api);
        const token = await newToken(api);
        const request: Sent = ['GET', 'database/creds/app', undefined, { token, wrapTtl: '5m' }];
        assertRefused(await held(NEW_TOKEN, request, () => post('auth/token/revoke', { token })), DENIED);
        assert.deepEqual(await accessors(api), before);
        await endAll();
      });

      it('is not kept without its wrapping token', async () => {
        const before = await accessors(api);
        const request: Sent = ['GET', 'database/creds/app', undefined, { wrapTtl: '5m' }];
        const answer = await held(/^INSERT INTO entries/, request, async () => {
          const [accessor] = (await accessors(api)).filter((each) => !before.includes(each));
          await post('auth/token/revoke-accessor', { accessor: accessor ?? '' });
        });
        assertRefused(answer, NO_WRAPPING_TOKEN);
        await endAll();
      });

      it('is not moved from a wrapping token that was revoked or unwrapped', async () => {
        const before = await accessors(api);
        for (const pattern of [NEW_TOKEN, /^INSERT INTO entries/, /^DELETE FROM entries .* RETURNING value/]) {
          for (const end of ['revoke-accessor', 'unwrap']) {
            const { token, accessor } = await wrapped();
            const answer = await held(pattern, ['POST', 'sys/wrapping/rewrap', { token }], () =>
              end === 'unwrap'
                ? post('sys/wrapping/unwrap', { token })
                : post('auth/token/revoke-accessor', { accessor }),
            );
            assert.ok(answer.status === 400 || answer.status === 403, `${answer.status} ${answer.error}`);
            assert.deepEqual(await accessors(api), before, `${end} at ${String(pattern)}`);
          }
        }
        await endAll();
      });
    });

    describe('a login to an auth method', () => {
      const CHANGED = [403, /changed or deleted during the login/] as const;
      const DISABLED = [403, /changed or deleted|disabled during the login/] as const;
      const user = 'auth/userpass/users/ana';
      const role = 'auth/approle/role/web';

      for (const [name, change, refusal] of [
        ['the user was deleted', () => api.ok('DELETE', user), CHANGED],
        ['the password was changed', () => post(`${user}/password`, { password: 'other' }), CHANGED],
        ['the policies were changed', () => post(`${user}/policies`, { policies: 'default' }), CHANGED],
        ['the method was disabled', () => api.ok('DELETE', 'sys/auth/userpass'), DISABLED],
      ] as const) {
        it(`by password gives no token after ${name}`, async () => {
          const before = await accessors(api);
          const login: Sent = ['POST', 'auth/userpass/login/ana', { password: 'training' }, { token: '' }];
          assertRefused(await held(NEW_TOKEN, login, change), refusal);
          assert.deepEqual(await accessors(api), before);
          await api('DELETE', 'sys/auth/userpass');
          await enableUserpass(api);
        });
      }

      for (const [name, change, refusal] of [
        ['the role was deleted', () => api.ok('DELETE', role), CHANGED],
        ['the role was changed', () => post(role, { token_policies: 'default' }), CHANGED],
        [
          'the secret id was destroyed',
          (secret: JsonObject) => post(`${role}/secret-id/destroy`, { secret_id: secret['secret_id'] ?? '' }),
          CHANGED,
        ],
        [
          'the secret id was destroyed by its accessor',
          ({ secret_id_accessor: accessor = '' }: JsonObject) =>
            post(`${role}/secret-id-accessor/destroy`, { secret_id_accessor: accessor }),
          CHANGED,
        ],
        ['the method was disabled', () => api.ok('DELETE', 'sys/auth/approle'), DISABLED],
      ] as const) {
        it(`by secret id gives no token after ${name}`, async () => {
          const before = await accessors(api);
          for (const num_uses of [0, 5]) {
            const { data } = await post(`${role}/secret-id`, { num_uses });
            const { data: id } = await api.ok('GET', `${role}/role-id`);
            const body = { role_id: id['role_id'] ?? '', secret_id: data['secret_id'] ?? '' };
            const login: Sent = ['POST', 'auth/approle/login', body, { token: '' }];
            assertRefused(await held(NEW_TOKEN, login, () => change(data)), refusal);
            assert.deepEqual(await accessors(api), before);
            await api('DELETE', 'sys/auth/approle');
            await enableAppRole(api);
          }
        });
      }
    });

    if (!kind.shared) return;

    describe('what another session has done and not committed', () => {
      const child = (token: string): Sent => ['POST', 'auth/token/create', {}, { token }];

      for (const [name, end] of endings.filter(([title]) => title !== 'revoke-orphan')) {
        it(`is a child: ${name} waits for it and ends it`, async () => {
          const before = await accessors(api);
          const token = await newToken(api);
          await uncommitted(NEW_TOKEN, child(token), () => end(token));
          assert.deepEqual(await accessors(api), before);
        });
      }

      it('is a child: revoke-orphan waits for it and makes it an orphan', async () => {
        const token = await newToken(api);
        const { auth } = await uncommitted(NEW_TOKEN, child(token), () => post('auth/token/revoke-orphan', { token }));
        const orphan = textOf(auth['client_token']);
        assert.equal((await api.lookup(orphan))['orphan'], true);
        await post('auth/token/revoke', { token: orphan });
      });

      it('is a grandchild: it ends with the rest', async () => {
        const before = await accessors(api);
        const token = await newToken(api);
        const { auth } = await post('auth/token/create', {}, token);
        await uncommitted(NEW_TOKEN, child(textOf(auth['client_token'])), () => post('auth/token/revoke', { token }));
        assert.deepEqual(await accessors(api), before);
      });

      it('is a lease: it is revoked', async () => {
        const token = await newToken(api);
        const request: Sent = ['GET', 'database/creds/app', undefined, { token }];
        await uncommitted(NEW_LEASE, request, () => post('auth/token/revoke', { token }));
        await untilNothingIsLeft(server, database);
      });

      it('is a login: the deletion of its user waits for it', async () => {
        const login: Sent = ['POST', 'auth/userpass/login/ana', { password: 'training' }, { token: '' }];
        const { auth } = await uncommitted(NEW_TOKEN, login, () => api.ok('DELETE', 'auth/userpass/users/ana'));
        // As if it had come a moment earlier.
        await post('auth/token/revoke', { token: textOf(auth['client_token']) });
      });

      it('is a renewal: it does not outlive the revocation', async () => {
        const before = await accessors(api);
        const token = await newToken(api, { ttl: '1h' });
        const request: Sent = ['POST', 'auth/token/renew-self', { increment: '2h' }, { token }];
        await uncommitted(/^UPDATE tokens SET expire_time = \$2, value/, request, () =>
          post('auth/token/revoke', { token }),
        );
        assert.deepEqual(await accessors(api), before);
      });
    });
  });
}
