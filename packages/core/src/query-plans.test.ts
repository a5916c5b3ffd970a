/** What is asked for often must not read a whole table: memory and time would grow with the number of leases and tokens. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { openEmbeddedStore, type SqlStatement, type Store } from '@coffer/store';
import { Barrier } from './barrier/barrier.ts';
import { createEntryStorage, entriesOf } from './barrier/entry-storage.ts';
import { Epochs } from './epochs/epochs.ts';
import { MountIntents } from './leases/intents.ts';
import { createKeyring } from './barrier/keyring.ts';
import { createLeaseIssuer } from './leases/lease-issuer.ts';
import { LeaseList } from './leases/lease-list.ts';
import { Leases } from './leases/leases.ts';
import { giveLeases } from './tokens/token-lease.ts';
import { createTokenStore } from './tokens/tokens.ts';
import { type NewToken, stored } from '@coffer/framework';

const TOKEN: NewToken = {
  ...{ parent: '', displayName: 't', policies: ['root'], path: 'auth/token/create', meta: null, creationTime: 0 },
  ...{ creationTtl: 0, expireTime: Date.now() - 1, explicitMaxTtl: 0, period: 0, numUses: 1, renewable: false },
};

describe('the statements of', () => {
  let store: Store;
  let seen = new Map<string, SqlStatement>();
  const barrier = new Barrier(createKeyring());
  const nothing = (): void => undefined;

  before(async () => {
    const opened = await openEmbeddedStore({ path: ':memory:' });
    store = {
      exclusive: opened.exclusive,
      run(sql, params = []) {
        seen.set(sql, { sql, params });
        return opened.run(sql, params);
      },
      transaction(statements) {
        for (const statement of statements) seen.set(statement.sql, statement);
        return opened.transaction(statements);
      },
      close: () => opened.close(),
    };
  });
  after(() => store.close());

  /** The tables that were read from one end to the other, with the statement; a walk along an index ends at its LIMIT. */
  async function scansOf(work: () => Promise<unknown>): Promise<string[]> {
    seen = new Map();
    await work();
    const statements = [...seen.values()];
    assert.ok(statements.length > 0);
    const scans: string[] = [];
    for (const { sql, params } of statements) {
      const { rows } = await store.run(`EXPLAIN QUERY PLAN ${sql}`, params);
      const scan = rows.find(
        (row) =>
          /^SCAN \w+$/.test(String(row['detail'])) &&
          !/^SCAN (over|spent|family|credentials|issued)$/.test(String(row['detail'])),
      );
      if (scan !== undefined) scans.push(`${String(scan['detail'])}: ${sql}`);
    }
    return scans;
  }

  it('leases read no whole table', async () => {
    const engine = {
      help: '',
      paths: [],
      close: () => Promise.resolve(),
      renew: async () => ({ ttl: 60, ceiling: 0, warnings: [] }),
    };
    const list = new LeaseList(store, barrier);
    const tokens = createTokenStore(store, barrier, nothing);
    const leases = new Leases({
      list,
      tokens,
      epochs: new Epochs(store),
      store,
      barrier,
      mounts: { engineFor: () => engine },
      logger: silentLogger,
      wake: nothing,
    });
    const issuer = createLeaseIssuer(store, barrier, nothing);
    const { entry } = await tokens.create({ ...TOKEN, expireTime: null });
    const ofToken = { path: 'a/b', token: { id: entry.id, usesLeft: 0 }, renewable: true, data: {} };
    const scans = await scansOf(async () => {
      const times = { issueTime: Date.now(), expireTime: Date.now() + 60_000 };
      const made = await issuer.begin({ ...ofToken, ...times });
      await made.activate();
      await list.lookup(made.id);
      await leases.renew(made.id, 60);
      await list.list('a/', { after: 'a', limit: 1 });
      await list.list('');
      await list.has('a');
      await list.count();
      await list.countIrrevocable('a/');
      await list.irrevocable(10);
      await leases.revokeLater(made.id);
      await leases.revokePrefixLater('a/');
      await leases.nextDue();
      for (const lease of await leases.claimDue(Date.now(), 10)) await leases.revokeClaimed(lease);
      await leases.revoke(made.id);
      await leases.revokePrefix('a/');
      const other = await issuer.begin({ ...ofToken, ...times });
      await other.abandon(false);
    });
    assert.deepEqual(scans, []);
  });

  it('tokens read no whole table', async () => {
    const tokens = createTokenStore(store, barrier, nothing);
    const scans = await scansOf(async () => {
      const living = await tokens.create({ ...TOKEN, expireTime: null, numUses: 0 });
      await tokens.create({ ...TOKEN, parent: living.entry.id });
      await tokens.extend(living.entry.id, Date.now() + 60_000);
      await tokens.revoke(living.entry.id);
      const { token, entry } = await tokens.create(TOKEN);
      const { entry: found } = await tokens.arrive(token.reveal());
      if (found !== undefined) await tokens.spend(found);
      await tokens.byAccessor(entry.accessor);
      await tokens.accessors({ after: 'a', limit: 1 });
      await tokens.nextExpiry();
      assert.deepEqual(await tokens.expired(Date.now(), 10), [entry.id]);
      await tokens.endExpired([entry.id]);
      assert.deepEqual(await tokens.expired(Date.now(), 10), []);
      await tokens.revoke([entry.id]);
      await tokens.revokeOrphaning(entry.id);
      await tokens.byLease('auth/token/create/h');
      await tokens.idOfLease('auth/token/create/h');
      await tokens.revokeIssuedBelow('auth/');
      await giveLeases(store, barrier);
    });
    assert.deepEqual(scans, []);
    assert.equal(await tokens.nextExpiry(), undefined);
  });

  it('entries and intents of one mount read no whole table', async () => {
    const entries = createEntryStorage(entriesOf(store, barrier), 'm');
    const intents = new MountIntents(store, barrier, 'm');
    const scans = await scansOf(async () => {
      const roles = entries.of('roles/', stored.object());
      await roles.put('a', {});
      await roles.get('a');
      await entries.list('roles/', { after: 'a', limit: 1 });
      await intents.create({ subject: 's', login: 'l', state: 'open', value: {} }, async () => undefined);
      await intents.due(Date.now(), 4);
      await intents.nextDue();
      await intents.ofLogin('l');
    });
    assert.deepEqual(scans, []);
  });
});
