/** Runs every statement of the core, for the tests that look at what the engines make of them. */
import { randomUUID } from 'node:crypto';
import { CofferError, Deadline, requireClaim, silentLogger, withDeadline } from '@coffer/base';
import { type Engine, type Lease, type NewToken, stored } from '@coffer/framework';
import type { SqlStatement, Store } from '@coffer/store';
import { Barrier } from './barrier/barrier.ts';
import { createEntryStorage, entriesOf } from './barrier/entry-storage.ts';
import { createKeyring } from './barrier/keyring.ts';
import { Epochs } from './epochs/epochs.ts';
import { identityStatements } from './identity-statements-fixture.ts';
import { releaseDeadClaims, releaseDeadCreations, takeOverDead } from './leases/dead-claims.ts';
import { MountIntents } from './leases/intents.ts';
import { createLeaseIssuer } from './leases/lease-issuer.ts';
import { LeaseList } from './leases/lease-list.ts';
import { Leases } from './leases/leases.ts';
import { createMountRows, newMount } from './mounts/mount-rows.ts';
import { beat, forgetOthers, isDead, leave, listNodes } from './nodes/nodes.ts';
import { createPolicyStore } from './policies/policies.ts';
import { CLUSTER_IDENTITY } from './seal/cluster-identity.ts';
import { initStore } from './seal/init-store.ts';
import { createSealRows } from './seal/seal-rows.ts';
import { requireNoMigration } from './snapshot/migration-lock.ts';
import { createCubbyholes } from './tokens/cubbyholes.ts';
import { CUBBYHOLES, WRAPPED_ANSWERS } from './tokens/token-ending.ts';
import { giveLeases } from './tokens/token-lease.ts';
import { createTokenStore } from './tokens/tokens.ts';
import { createWrapping } from './tokens/wrapping.ts';
import { countIntents, countLeases, countTokens } from './usage-counts.ts';

/**
 * Runs every statement of the core, as the only node and as one of several, and returns each with the parameters of its last time.
 * The store keeps some rows of it.
 */
export async function statementsOfCore(store: Store): Promise<readonly SqlStatement[]> {
  const seen = new Map<string, SqlStatement>();
  const barrier = new Barrier(createKeyring());
  for (const exclusive of [true, false]) {
    const watched: Store = {
      exclusive,
      run(sql, params = []) {
        seen.set(sql, { sql, params });
        return store.run(sql, params);
      },
      transaction(statements) {
        for (const statement of statements) seen.set(statement.sql, statement);
        return store.transaction(statements);
      },
      close: () => store.close(),
    };
    for (const work of workOfCore(watched, barrier)) await work();
  }
  return [...seen.values()];
}

/** Spent with its first use, and expired. */
const TOKEN: NewToken = {
  ...{ parent: '', displayName: 't', policies: ['root'], path: 'auth/token/create', meta: null, creationTime: 0 },
  ...{ creationTtl: 0, expireTime: Date.now() - 1, explicitMaxTtl: 0, period: 0, numUses: 1, renewable: false },
};
const LIVING: NewToken = { ...TOKEN, expireTime: null, numUses: 0 };
const nothing = (): void => undefined;
/** A node that is never sure of its claims. */
const DOUBTFUL = { life: undefined };

/** Of each part of a core, work that runs all of its statements. */
function workOfCore(store: Store, barrier: Barrier): readonly (() => Promise<void>)[] {
  const epochs = new Epochs(store);
  const tokens = createTokenStore(store, barrier, nothing);
  const list = new LeaseList(store, barrier);
  let canTogether = true;
  let revoke: NonNullable<Engine['revoke']> = async () => undefined;
  const engine: Engine = {
    ...{ help: '', paths: [], close: async () => undefined, revoke: (lease: Lease) => revoke(lease) },
    revokeTogether: async (some) => (await requireClaim(), canTogether ? some.map(({ id }) => id) : []),
    renew: async () => (await requireClaim(), { ttl: 60, ceiling: 0, warnings: [] }),
  };
  const leases = new Leases({
    ...{
      list,
      tokens,
      epochs,
      store,
      barrier,
      mounts: { engineFor: () => engine },
      node: DOUBTFUL,
      logger: silentLogger,
      wake: nothing,
    },
  });
  const entries = entriesOf(store, barrier, epochs);

  return Object.values({
    async usage() {
      await tokens.create(LIVING);
      await countLeases(store, { path: 'a/' });
      await countIntents(store, { uuid: 'a' });
      await countTokens(store, barrier, () => '');
    },
    async leases() {
      const issuer = createLeaseIssuer(store, barrier, nothing, DOUBTFUL);
      const { entry } = await tokens.create(LIVING);
      const begin = (): ReturnType<typeof issuer.begin> =>
        issuer.begin({
          ...{ path: 'a/b', token: { id: entry.id, usesLeft: 0 }, renewable: true, data: {} },
          ...{ issueTime: Date.now(), expireTime: Date.now() + 60_000 },
        });
      const revokeDue = async (): Promise<void> => {
        await Promise.all(leases.revokeClaimed(await leases.claimDue(Date.now(), 10)).values());
      };
      const made = await begin();
      await made.requireMine();
      await made.activate();
      await list.lookup(made.id);
      await leases.renew(made.id, 60);
      await list.list('a/', { after: 'a', limit: 1 });
      await list.list('a/');
      await list.has('a');
      await list.count();
      await list.count('revoking');
      await list.countTokens();
      await list.countIrrevocable('a/');
      await list.irrevocable(10);
      await leases.revokeLater(made.id);
      await leases.revokePrefixLater('a/');
      await leases.nextDue();
      await revokeDue();
      await leases.revoke(made.id);
      for (let left = 2; left > 0; left--) await (await begin()).activate();
      await leases.revokePrefix('a/');
      canTogether = false;
      await (await begin()).abandon(true);
      await (await begin()).abandon(false);
      const lost = await begin();
      await store.run('DELETE FROM leases WHERE id = $1', [lost.id]);
      await lost.activate().catch(nothing);
      await lost.abandon(false);
      revoke = async () => 'a session';
      await revokeDue();
      revoke = () => Promise.reject(new CofferError('failed', 'not now'));
      await leases.revokePrefix('a/', { force: true });
    },

    async tokens() {
      const living = await tokens.create(LIVING);
      await tokens.create({ ...TOKEN, parent: living.entry.id });
      await tokens.extend(living.entry, Date.now() + 60_000);
      await tokens.revoke(living.entry.id);
      const { token, entry } = await tokens.create(TOKEN);
      const { entry: found = entry } = await tokens.arrive(token.reveal());
      await tokens.spend(found);
      await tokens.lookup(token.reveal());
      await tokens.byAccessor(entry.accessor);
      await tokens.idOfAccessor(entry.accessor);
      await tokens.accessors({ after: 'a', limit: 1 });
      await tokens.nextExpiry();
      await tokens.endExpired(await tokens.expired(Date.now(), 10));
      await tokens.revokeOrphaning((await tokens.create(LIVING)).entry.id);
      await tokens.byLease('auth/token/create/h');
      await tokens.idOfLease('auth/token/create/h');
      const keeper = await tokens.create(LIVING);
      await createCubbyholes(createEntryStorage(entries, CUBBYHOLES)).of(keeper.entry).put('a', {});
      await tokens.revoke(keeper.entry.id);
      const old = await tokens.create({ ...LIVING, path: 'auth/old' });
      await store.run('UPDATE tokens SET lease = NULL WHERE id = $1', [old.entry.id]);
      await giveLeases(store, barrier);
      await tokens.revokeIssuedBelow('auth/old/');
    },

    async entries() {
      const storage = createEntryStorage(entries, 'm');
      for (const roles of [storage.of('roles/', stored.object()), storage.kept('kept/', stored.object())]) {
        await roles.put('a', {});
        await roles.get('a');
        await roles.read('a');
        await roles.add('b', {});
        await roles.putWhile('c', {}, [storage.there('roles/a')]);
        await roles.addWhile('c', {}, [storage.there('roles/a')]);
        await roles.update('a', () => ({ changed: true }));
        await roles.update('a', () => undefined);
        await roles.replaceWhile('b', {}, [storage.there('roles/b')]);
        await roles.deleteWhile('b', [storage.there('nothing')]);
        await roles.take('b');
        await roles.delete('c');
      }
      await storage.list('roles/', { after: 'a', limit: 1 });
      await createEntryStorage(entries, randomUUID()).clear();
    },

    async intents() {
      const intents = new MountIntents(store, barrier, 'm');
      const intent = { subject: 's', login: 'l', state: 'open', value: {} } as const;
      await intents.create(intent, (claimed) => claimed.save({ nextAttempt: 1 }));
      await intents.create(intent, async () => undefined);
      await intents.get('s');
      await intents.ofLogin('l');
      await intents.due(Date.now(), 4);
      await intents.nextDue();
      await intents.claim('s', (claimed) => claimed.remove());
      await intents.create(intent, async () => undefined);
      await store.run("UPDATE intents SET value = $1 WHERE mount = 'm' AND subject = 's'", [new Uint8Array(4)]);
      await intents.claim('s', async () => undefined).catch(nothing);
      await store.run("DELETE FROM intents WHERE mount = 'm' AND subject = 's'");
      await new MountIntents(store, barrier, randomUUID()).clear();
    },

    async mounts() {
      const rows = createMountRows(store, barrier, epochs);
      const mount = newMount('kv/', 'kv');
      await rows.insert(mount);
      await rows.change({ mount, builtin: false }, (present) => ({ ...present, description: 'tuned' }));
      await rows.change({ mount: newMount('sys/', 'system'), builtin: true }, (present) => present);
      await rows.all();
      await rows.taint(mount, true);
      await rows.remove(mount);
      const moved = newMount('from/', 'kv');
      await rows.insert(moved);
      await rows.beginMove(moved);
      await rows.endMove('from/', moved.accessor);
      await rows.beginMove(moved);
      const storage = createEntryStorage(entries, 'm');
      const roles = storage.of('moves/', stored.object());
      await roles.put('a', {});
      await rows.move(moved, 'to/', (await roles.read('a'))?.unchanged ?? storage.there('moves/a'));
    },

    async policies() {
      const policies = createPolicyStore(store, barrier, epochs);
      await policies.put('p', 'path "a" { capabilities = ["read"] }');
      await policies.list();
      await policies.acl(['p']);
      await policies.delete('p');
    },

    identities: () => identityStatements(store, barrier, LIVING),

    async epochs() {
      const node = new Epochs(store);
      await node.begin();
      await epochs.write(['policy/p'], []);
      await epochs.write(['mounts/'], [], { oneAfterTheOther: true });
      await node.refresh();
      await node.prune();
    },

    async nodes() {
      const self = { address: 'https://a:8200', version: '1', state: 'active', epoch: 0 } as const;
      await beat(store, self);
      await beat(store, self);
      await listNodes(store);
      await isDead(store, 'another');
      await requireNoMigration(store);
      await forgetOthers(store);
      await leave(store);
    },

    async wrapping() {
      const storage = createEntryStorage(entries, WRAPPED_ANSWERS);
      const wrapping = createWrapping({ storage, tokens, leases, logger: silentLogger });
      const caller = await tokens.create(LIVING);
      const tokenOf = (answer: { wrapInfo?: Readonly<Record<string, unknown>> | undefined }): string =>
        String(answer.wrapInfo?.['token']);
      const wrapped = await wrapping.wrap({ data: {} }, 'a', 60, caller.entry);
      await wrapping.lookup(tokenOf(wrapped));
      await wrapping.unwrap(tokenOf(await wrapping.rewrap(tokenOf(wrapped))));
    },

    async seal() {
      const rows = createSealRows(store);
      const late = new Deadline(0);
      while (!late.over) await new Promise(setImmediate);
      const settings = { autoSeal: undefined, clusterName: undefined, rootToken: undefined, logger: silentLogger };
      // Nobody waits for the keys: the store is left as it was.
      await withDeadline(late, () =>
        initStore({ store, rows, counts: { shares: 1, threshold: 1 }, ...settings }),
      ).catch(nothing);
      const { record } = await initStore({ store, rows, counts: { shares: 1, threshold: 1 }, ...settings });
      await rows.read();
      await rows.replace(record);
      await rows.replace(await rows.readPresent(), { migrates: true });
      await store.run('DELETE FROM keyring');
      const { mount, name } = CLUSTER_IDENTITY;
      await store.run('DELETE FROM entries WHERE mount = $1 AND name = $2', [mount, name]);
    },

    async whatADeadProcessLeft() {
      await store.run(
        "INSERT INTO nodes (id, address, version, state, started, heartbeat, epoch) VALUES ('another', '', '', '', 0, 0, 0)",
      );
      await takeOverDead(store, silentLogger);
      await releaseDeadClaims(store, silentLogger);
      const issuer = createLeaseIssuer(store, barrier, nothing);
      const { entry } = await tokens.create(LIVING);
      const cutOff = await issuer.begin({
        ...{ path: 'a/c', token: { id: entry.id, usesLeft: 0 }, renewable: true, data: {} },
        ...{ issueTime: Date.now(), expireTime: Date.now() + 60_000 },
      });
      await store.run('UPDATE leases SET value = $2 WHERE id = $1', [
        cutOff.id,
        barrier.seal(`leases/${cutOff.id}`, { path: 'a/c', renewable: true, data: {}, maker: 'another' }),
      ]);
      await releaseDeadCreations(store, barrier, silentLogger);
      await cutOff.abandon(true);
    },
  });
}
