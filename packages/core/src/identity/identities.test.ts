/** Who a token stands for, as new as the store, on every node; and logins against whoever changes that at the same time. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { NewToken } from '@coffer/framework';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Epochs, READ_EPOCH } from '../epochs/epochs.ts';
import { createTokenStore } from '../tokens/tokens.ts';
import { Identities } from './identities.ts';
import { IdentityStore } from './identity-store.ts';

const LOGIN: NewToken = {
  ...{
    parent: '',
    displayName: 't',
    policies: ['default'],
    path: 'auth/jwt/login',
    meta: null,
    creationTime: Date.now(),
  },
  ...{ creationTtl: 60, expireTime: Date.now() + 60_000, explicitMaxTtl: 0, period: 0, numUses: 0, renewable: true },
};

describe('identities', () => {
  let store: Store;
  const barrier = new Barrier(createKeyring());
  before(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
  });
  after(() => store.close());

  /** A node of its own; `during`: run once before a statement that begins so. */
  async function openNode(during?: { readonly before: string; readonly run: () => Promise<unknown> }) {
    let waiting = during;
    const pass = async (sql: string): Promise<void> => {
      if (waiting === undefined || !sql.startsWith(waiting.before)) return;
      const { run } = waiting;
      waiting = undefined;
      await run();
    };
    const watched: Store = {
      ...{ exclusive: false, close: () => store.close() },
      async run(sql, params) {
        await pass(sql);
        return store.run(sql, params);
      },
      async transaction(statements) {
        for (const { sql } of statements) await pass(sql);
        return store.transaction(statements);
      },
    };
    const epochs = new Epochs(watched);
    await epochs.begin();
    const identities = new Identities(watched, barrier, epochs);
    const identity = new IdentityStore(identities, () => ({ stands: [] }));
    const tokens = createTokenStore(watched, barrier, () => undefined, identities);
    const login = (name: string, groups: readonly string[] = [], type: NewToken['type'] = 'service') =>
      tokens.create({ ...LOGIN, type, alias: { name, mountAccessor: 'auth_jwt_1', groups } });
    return { epochs, identities, identity, tokens, login };
  }

  it('of a login has the external groups that its method names, and no others of that mount', async () => {
    const { identity, login } = await openNode();
    const group = async (name: string, mountAccessor: string) => {
      const made = await identity.groups.write(undefined, (fresh) => ({
        ...{ ...fresh, type: 'external', name: `${name}@${mountAccessor}`, policies: [`p-${name}`] },
      }));
      await identity.groups.writeAlias(undefined, { name, mountAccessor, canonicalId: made.group.id });
    };
    for (const name of ['dev', 'ops']) await group(name, 'auth_jwt_1');
    await group('dev', 'auth_jwt_2');
    const policiesWith = async (...groups: string[]) => (await login('eve', groups)).identityPolicies;
    assert.deepEqual(await policiesWith('DEV', 'unknown'), ['p-dev']);
    assert.deepEqual(await policiesWith('dev', 'ops'), ['p-dev', 'p-ops']);
    assert.deepEqual(await policiesWith('ops'), ['p-ops']);
    assert.deepEqual(await policiesWith(), []);
  });

  it('are as new on each node as the store is', async () => {
    const [here, there] = [await openNode(), await openNode()];
    const { entry } = await here.login('fay');
    const id = entry.entityId ?? assert.fail();
    const policies = async (): Promise<readonly string[] | undefined> => {
      await there.epochs.catchUp(Number((await store.run(READ_EPOCH)).rows[0]?.['store_epoch']));
      return (await there.identities.find(id))?.policies;
    };
    assert.deepEqual(await policies(), []);
    await here.identity.entities.write({ id, name: '' }, (entity) => ({ ...entity, policies: ['a'] }));
    assert.deepEqual(await policies(), ['a']);
    const { group } = await here.identity.groups.write(undefined, (fresh) => ({ ...fresh, policies: ['b'] }), {
      entityIds: [id],
    });
    assert.deepEqual(await policies(), ['a', 'b']);
    await here.identity.groups.delete(group);
    assert.deepEqual(await policies(), ['a']);
    await here.identity.entities.delete([id]);
    assert.equal(await policies(), undefined);
    await assert.rejects(there.identities.require(entry), { code: 'permission-denied' });
  });

  for (const type of ['service', 'batch'] as const) {
    const statement = type === 'service' ? 'INSERT INTO tokens' : 'SELECT 1 AS holds';

    it(`are those of another first login that was faster: a ${type} token`, async () => {
      const other = await openNode();
      let winner: string | undefined;
      const run = async (): Promise<void> => {
        winner = (await other.login(`gus-${type}`)).entry.entityId;
      };
      const { login } = await openNode({ before: 'INSERT INTO identity_aliases', run });
      const { entry } = await login(`gus-${type}`, [], type);
      assert.equal(entry.entityId, winner ?? assert.fail());
      assert.equal((await other.identity.entities.all()).filter(({ entity }) => entity.id === winner).length, 1);
    });

    for (const [what, end] of [
      ['disabled', { disabled: true }],
      ['deleted', undefined],
    ] as const) {
      it(`that are ${what} during a login make no ${type} token`, async () => {
        const name = `hal-${type}-${what}`;
        const other = await openNode();
        const id = (await other.login(name)).entry.entityId ?? assert.fail();
        const run = async (): Promise<void> => {
          if (end === undefined) await other.identity.entities.delete([id]);
          else await other.identity.entities.write({ id, name: '' }, (entity) => ({ ...entity, ...end }));
        };
        const { login, identities } = await openNode({ before: statement, run });
        await identities.find(id);
        await assert.rejects(login(name, [], type), { code: 'permission-denied' });
      });
    }
  }

  it('are not what somebody has made of the columns behind the barrier', async () => {
    const { login, tokens, identity } = await openNode();
    const [ivy, jon] = [await login('ivy'), await login('jon')];
    const { group } = await identity.groups.write(undefined, (fresh) => ({ ...fresh, policies: ['secret'] }), {
      entityIds: [jon.entry.entityId ?? ''],
    });
    await store.run('UPDATE tokens SET entity = $1 WHERE id = $2', [jon.entry.entityId ?? '', ivy.entry.id]);
    assert.equal(await tokens.lookup(ivy.token.reveal()), undefined);
    const id = (await login('ivy')).entry.entityId ?? '';
    await store.run('UPDATE identity_members SET member_id = $1 WHERE group_id = $2', [id, group.id]);
    await assert.rejects((await openNode()).identities.find(id), { code: 'failed' });
    await store.run('DELETE FROM identity_members WHERE group_id = $1', [group.id]);
    await store.run('UPDATE identity_aliases SET canonical_id = $1, mount_accessor = $2 WHERE name = $3', [
      ...[jon.entry.entityId ?? '', 'auth_jwt_9', 'ivy'],
    ]);
    await assert.rejects((await openNode()).identities.find(jon.entry.entityId ?? ''), { code: 'failed' });
  });
});
