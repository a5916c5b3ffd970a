/**
 * How often a warm request goes to the store. Every one of these is a round trip between the server and its database, which a
 * client waits for: one more fails this test. A request first asks for its token and the epoch, which is one more, unless both are
 * kept, as they are where nobody else can write into the store: then it may be answered without the store.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { after, before, describe, it } from 'node:test';
import { createAppRoleAuth } from '@coffer/auth-approle';
import { createTokenAuth } from '@coffer/auth-token';
import { createUserpassAuth } from '@coffer/auth-userpass';
import { type JsonObject, silentLogger } from '@coffer/base';
import { Barrier, Core, createKeyring, createRootToken, SealableCore } from '@coffer/core';
import { createDatabaseEngine, createDatabasePlugins } from '@coffer/engine-database';
import { createSystemEngine } from '@coffer/engine-system';
import type { IncomingRequest, OutgoingResponse } from '@coffer/framework';
import { openEmbeddedStore, openPostgresStore, type SqlStatement, type Store } from '@coffer/store';
import { dropAdmin, makeAdmin, startPostgres, startWireProxy, type TestPostgres } from '@coffer/testkit';
import { YSQL } from '@coffer/ysql';
import { textOf } from './auth/api.ts';
import { connectionTo, SEED_CREATION } from './dev-server.ts';

/** What a request had the store do: one text a statement, and the round trips of all. */
interface Asked {
  readonly statements: string[];
  roundTrips: number;
}

/** Several statements in one transaction are sent one by one, between a BEGIN and a COMMIT. */
const roundTripsOf = (statements: number): number => (statements === 1 ? 1 : statements + 2);

/** A store that notes what is asked of it on behalf of whoever runs in `asking`. */
function countingStore(store: Store, asking: AsyncLocalStorage<Asked>): Store {
  const note = (statements: readonly SqlStatement[]): void => {
    const asked = asking.getStore();
    if (asked === undefined) return;
    asked.statements.push(...statements.map(({ sql }) => sql.replaceAll(/\s+/g, ' ').slice(0, 60)));
    asked.roundTrips += roundTripsOf(statements.length);
  };
  return {
    exclusive: store.exclusive,
    ...(store.rewrites && { rewrites: store.rewrites.bind(store) }),
    run(sql, params) {
      note([{ sql }]);
      return store.run(sql, params);
    },
    transaction(statements) {
      note(statements);
      return store.transaction(statements);
    },
    close: () => store.close(),
  };
}

let database: TestPostgres;
let storeUrl: URL;
before(async () => {
  database = await startPostgres();
  await database.query(`CREATE DATABASE coffer_store OWNER ${database.user}`);
  storeUrl = new URL(database.url);
  storeUrl.pathname = '/coffer_store';
});
after(() => database.stop());

/** All that a server has but its listeners and its background work, so that only requests ask the store. */
async function openCore(store: Store): Promise<{ readonly core: Core; readonly root: string }> {
  const core = new Core({
    store,
    barrier: new Barrier(createKeyring()),
    builtinPlugins: [{ name: 'ysql-plugin', type: 'database', version: '' }],
    logger: silentLogger,
  });
  const { services } = core;
  const seal = new SealableCore({
    store,
    build: () => assert.fail('it stays closed'),
    sealedPaths: () => [],
    logger: silentLogger,
  });
  const plugins = createDatabasePlugins({
    catalog: services.plugins,
    builtins: new Map([['ysql-plugin', { ...YSQL, checkConfig: () => undefined, logger: silentLogger }]]),
    logger: silentLogger,
  });
  const generatePassword = (policy: string) => services.passwordPolicies.generate(policy);
  const { tokens } = services;
  const token = createTokenAuth({
    tokens,
    hasSudo: async () => true,
    engineFor: (path) => services.mounts.engineFor(path),
    identityPoliciesOf: (entry) => services.authority.identityPoliciesOf(entry),
  });
  const snapshots = { save: () => assert.fail('nobody asks for one'), restore: () => assert.fail('nobody has one') };
  const system = createSystemEngine({
    services,
    seal,
    snapshots,
    requestsInFlight: () => [],
    server: { version: '', storageType: '' },
  });
  core.install({
    engines: new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]),
    authMethods: new Map([
      ['approle', createAppRoleAuth(tokens)],
      ['userpass', createUserpassAuth(tokens)],
    ]),
    builtins: new Map([
      ['sys/', { type: 'system', description: '', factory: system }],
      ['auth/token/', { type: 'token', description: '', factory: token }],
    ]),
  });
  await services.mounts.enable('database', 'database', {});
  for (const method of ['approle', 'userpass']) await services.mounts.enable(`auth/${method}`, method, {});
  return { core, root: (await createRootToken(tokens)).reveal() };
}

const STORES = {
  embedded: () => openEmbeddedStore({ path: ':memory:' }),
  'in PostgreSQL': () => openPostgresStore({ connectionUrl: storeUrl.toString() }),
};

for (const [where, openStore] of Object.entries(STORES)) {
  /** For the token and the epoch. */
  const arrival = where === 'embedded' ? 0 : 1;
  describe(`a warm request, with the store ${where}, costs ${arrival} to arrive and`, () => {
    const asking = new AsyncLocalStorage<Asked>();
    let store: Store;
    let core: Core;
    let root: string;
    let token: string;
    let leaseId: string;

    const send = (operation: IncomingRequest['operation'], path: string, data: JsonObject = {}, by = token) =>
      core.handle({ id: '', remoteAddress: '', operation, path, data, token: by });
    const admin = (path: string, data: JsonObject) => send('update', path, data, root);
    const asksFor = async (
      roundTrips: number,
      ...request: Parameters<typeof send>
    ): Promise<OutgoingResponse | undefined> => {
      const asked: Asked = { statements: [], roundTrips: 0 };
      try {
        return await asking.run(asked, () => send(...request));
      } finally {
        assert.equal(asked.roundTrips, roundTrips, asked.statements.join('\n'));
      }
    };
    /** Besides its arrival, with a token that was here before. */
    const costs = async (
      roundTrips: number,
      ...request: Parameters<typeof send>
    ): Promise<OutgoingResponse | undefined> => {
      await send('read', 'auth/token/lookup-self', {}, request[3]);
      return asksFor(arrival + roundTrips, ...request);
    };

    before(async () => {
      await makeAdmin(database, { user: 'static_login', password: 'chosen' });
      store = await openStore();
      ({ core, root } = await openCore(countingStore(store, asking)));
      await admin('database/config/yb', { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(database) });
      await admin('sys/policies/password/short', { policy: 'length = 20\nrule "charset" { charset = "abcdef" }' });
      await admin('database/roles/app', {
        ...{ db_name: 'yb', creation_statements: SEED_CREATION, default_ttl: '1h', max_ttl: '24h' },
        credential_config: { password_policy: 'short' },
      });
      await admin('database/roles/ceiling', {
        db_name: 'yb',
        creation_statements: SEED_CREATION,
        valid_until: 'max_ttl',
      });
      await admin('database/static-roles/fixed', {
        ...{ db_name: 'yb', username: 'static_login', rotation_period: '1h' },
        ...{ password: 'chosen', skip_import_rotation: true },
      });
      for (const name of ['one', 'two']) {
        await admin(`sys/policies/acl/${name}`, {
          policy: 'path "database/*" { capabilities = ["read"] } path "sys/*" { capabilities = ["update", "sudo"] }',
        });
      }
      token = textOf((await admin('auth/token/create', { policies: ['one', 'two'] }))?.auth?.['client_token']);
      leaseId = (await send('read', 'database/creds/app'))?.lease?.id ?? '';
      await send('update', 'sys/leases/renew', { lease_id: leaseId });
      await send('read', 'database/creds/ceiling');
      await send('read', 'database/static-creds/fixed');
    });
    after(async () => {
      await core.services.leases.revokePrefix('', { force: true });
      await core.stop();
      await store.close();
      await dropAdmin(database, 'static_login');
    });

    it('for credentials 2: the row of the lease; its activation', async () => {
      await costs(2, 'read', 'database/creds/app');
      await costs(2, 'read', 'database/creds/ceiling');
    });

    it('to renew a lease 2: the claim; the new end, which gives the claim back', async () => {
      await costs(2, 'update', 'sys/leases/renew', { lease_id: leaseId });
      await costs(2, 'update', `sys/renew/${leaseId}`, { increment: 7200 });
    });

    it('to revoke a lease 2: the claim; the end of the row', async () => {
      const issued = await costs(2, 'read', 'database/creds/app');
      await costs(2, 'update', 'sys/leases/revoke', { lease_id: issued?.lease?.id ?? '', sync: true });
    });

    it('for its own token nothing', async () => {
      await costs(0, 'read', 'auth/token/lookup-self');
      await costs(0, 'update', 'auth/token/lookup-self', {}, root);
    });

    it('to renew a token 1 by itself, and 2 by what it is looked up with, by a role as well', async () => {
      await admin('auth/token/roles/periodic', { token_period: '1h' });
      for (const path of ['auth/token/create', 'auth/token/create/periodic']) {
        const made = await admin(path, { policies: ['default'], ttl: '1h' });
        const [own, accessor] = [made?.auth?.['client_token'], made?.auth?.['accessor']].map(textOf);
        const renew = (by: string, data: JsonObject) => ['update', `auth/token/${by}`, data] as const;
        await send(...renew('renew-self', {}), own);
        await costs(1, ...renew('renew-self', {}), own);
        await costs(2, ...renew('renew', { token: own ?? '' }), root);
        await costs(2, ...renew('renew-accessor', { accessor: accessor ?? '' }), root);
      }
    });

    it('for a static role 1: the row of its login', async () => {
      await costs(1, 'read', 'database/static-creds/fixed');
    });

    it('for configuration nothing', async () => {
      for (const path of ['config/yb', 'roles/app']) await costs(0, 'read', `database/${path}`);
      await costs(0, 'read', 'sys/policies/password/short', {}, root);
    });

    it('nothing to be refused; with a token that nobody has, it arrives anew each time', async () => {
      await assert.rejects(costs(0, 'read', 'other/creds/app'), /permission denied|no handler/);
      for (let time = 0; time < 2; time++) {
        await assert.rejects(asksFor(1, 'read', 'database/creds/app', {}, 'hvs.unknown'), /permission denied/);
      }
    });

    it('that fails to log in has the store do the same for a user as for a name that nobody has', async () => {
      await admin('auth/userpass/users/ana', { password: 'right' });
      await admin('auth/approle/role/web', { role_id: 'web-id' });
      /** What each guess asks of the store, and how it is answered: from the first one to those that meet the lockout. */
      const guesses = async (path: string, data: JsonObject): Promise<unknown[]> => {
        const seen: unknown[] = [];
        for (let n = 0; n < 7; n++) {
          const asked: Asked = { statements: [], roundTrips: 0 };
          const error = await asking.run(asked, () =>
            send('update', path, data, '').catch((thrown: unknown) => thrown),
          );
          seen.push([String(error), asked.statements]);
        }
        return seen;
      };
      const known = await guesses('auth/userpass/login/ana', { password: 'wrong' });
      assert.deepEqual(await guesses('auth/userpass/login/nobody', { password: 'wrong' }), known);
      assert.match(String(known[4]), /invalid username or password/);
      assert.match(String(known[5]), /permission denied/);
      const secret = { secret_id: 'wrong' };
      assert.deepEqual(
        await guesses('auth/approle/login', { role_id: 'no-id', ...secret }),
        await guesses('auth/approle/login', { role_id: 'web-id', ...secret }),
      );
    });

    it('1 more with a token whose uses are counted, which arrives anew each time', async () => {
      const { auth } = (await admin('auth/token/create', { policies: ['one', 'two'], num_uses: 5 })) ?? {};
      const request = ['read', 'auth/token/lookup-self', {}, textOf(auth?.['client_token'])] as const;
      for (let time = 0; time < 2; time++) await asksFor(2, ...request);
    });

    it('1 to arrive after a change of any token, or of the configuration', async () => {
      const self = ['read', 'auth/token/lookup-self'] as const;
      for (const change of [
        () => admin('auth/token/renew', { token }),
        () => admin('sys/policies/password/another', { policy: 'length = 20\nrule "charset" { charset = "abcdef" }' }),
      ]) {
        await costs(0, ...self);
        await change();
        await asksFor(1, ...self);
        await costs(0, ...self);
      }
    });
  });
}

describe('a store in PostgreSQL', () => {
  it('makes one round trip for a statement, and two more than there are for several', async () => {
    const proxy = await startWireProxy({ target: database });
    const through = new URL(storeUrl);
    through.host = `${proxy.host}:${proxy.port}`;
    const store = await openPostgresStore({ connectionUrl: through.toString() });
    const select = { sql: 'SELECT CAST($1 AS TEXT)', params: ['x'] };
    for (const count of [1, 2, 3]) {
      const before = proxy.statements.length;
      if (count === 1) await store.run(select.sql, select.params);
      else await store.transaction(Array.from({ length: count }, () => select));
      assert.equal(proxy.statements.length - before, roundTripsOf(count));
    }
    await store.close();
    await proxy.stop();
  });
});
