/** What is compiled of policies is never older than the last write that was answered, wherever a reader stands meanwhile. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Steps, steppedStore } from '@coffer/testkit';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Epochs } from '../epochs/epochs.ts';
import { createPolicyStore, type PolicyStore } from './policies.ts';

const READ = 'path "a" { capabilities = ["read"] }';
const UPDATE = 'path "a" { capabilities = ["update"] }';
const DENY = 'path "a" { capabilities = ["deny"] }';
/** In one spelling and the other, alone and among others: each is an ACL of its own. */
const SETS = [['p'], ['p', 'q'], ['none', 'p']] as const;

describe('policies', () => {
  let inner: Store;
  let policies: PolicyStore;
  let epochs: Epochs;
  const barrier = new Barrier(createKeyring());
  const steps = new Steps();

  before(async () => (inner = await openEmbeddedStore({ path: ':memory:' })));
  after(() => inner.close());

  const allowed = async (store: PolicyStore, folded = false) => {
    // As every request does.
    await epochs.refresh();
    return Promise.all(
      SETS.map(async (names) => {
        const acl = await store.acl(names);
        const asked = folded ? acl.folded() : acl;
        return (['read', 'update'] as const).filter((operation) => asked.allows(operation, 'a', {}, false));
      }),
    );
  };
  /** What is served is what a server would say that has only just been started. */
  const assertFresh = async () => {
    const fresh = createPolicyStore(inner, barrier, new Epochs(inner));
    assert.deepEqual(await allowed(policies), await allowed(fresh));
    assert.deepEqual(await allowed(policies, true), await allowed(fresh, true));
  };
  const nothing = async () => {
    for (const folded of [false, true]) assert.deepEqual(await allowed(policies, folded), [[], [], []]);
  };
  const begin = (text: string) => async () => {
    // What has changed is read once for all who wait for it: nobody can be stopped there.
    const stepped = steppedStore(inner, steps, /^(?!SELECT epoch, node, what)/);
    epochs = new Epochs(stepped);
    await epochs.begin();
    policies = createPolicyStore(stepped, barrier, epochs);
    await policies.put('p', text);
    await policies.put('q', 'path "b" { capabilities = ["read"] }');
  };
  /** With everything in the cache that can be. */
  const beginWarm = (text: string) => async () => {
    await begin(text)();
    await allowed(policies);
  };

  const takers: [string, () => Promise<void>][] = [
    ['put', () => policies.put('p', DENY)],
    ['delete', () => policies.delete('p')],
    ['put and delete', async () => void (await Promise.all([policies.put('p', DENY), policies.delete('p')]))],
  ];

  for (const [name, take] of takers) {
    it(`are taken back by ${name}, wherever a reader stands`, async () => {
      const points = await steps.interleave({
        prepare: begin(READ),
        stopped: () => allowed(policies),
        meanwhile: take,
        whileStopped: nothing,
        afterwards: nothing,
      });
      // Before and after each of p, p and q, none and p; and of the epoch.
      assert.equal(points.length, 12);
    });

    it(`are taken back by ${name} from its commit on, whoever reads before, during and after it`, async () => {
      const points = await steps.interleave({
        prepare: beginWarm(READ),
        stopped: take,
        meanwhile: () => allowed(policies),
        whileStopped: async ({ when, what }) => {
          if (when === 'after' && /^(INSERT|DELETE)/.test(what)) await nothing();
        },
        afterwards: nothing,
      });
      assert.ok(points.some(({ what }) => /^(INSERT|DELETE)/.test(what)));
    });
  }

  it('are given by put, wherever a reader stands', async () => {
    const given = async () => assert.deepEqual(await allowed(policies), [['read'], ['read'], ['read']]);
    await steps.interleave({
      prepare: begin(DENY),
      stopped: () => allowed(policies),
      meanwhile: () => policies.put('p', READ),
      whileStopped: given,
      afterwards: given,
    });
  });

  it('are what the store says after two writers, whichever was first', async () => {
    const writers: (() => Promise<void>)[] = [
      () => policies.put('p', DENY),
      () => policies.put('p', UPDATE),
      () => policies.delete('p'),
    ];
    for (const stopped of writers) {
      for (const other of writers) {
        const points = await steps.interleave({
          prepare: beginWarm(READ),
          stopped,
          meanwhile: async () => {
            await other();
            await allowed(policies);
          },
          afterwards: assertFresh,
        });
        assert.ok(points.length >= 2);
      }
    }
  });

  it('are seen to have changed when a write that failed takes effect after all', async () => {
    let landing: (() => Promise<unknown>) | undefined;
    const unreliable: Store = {
      ...{ exclusive: inner.exclusive, run: (sql, params) => inner.run(sql, params), close: () => inner.close() },
      async transaction(statements) {
        if (!statements.some(({ sql }) => sql.startsWith('DELETE'))) return inner.transaction(statements);
        landing = () => inner.transaction(statements);
        throw new CofferError('unavailable', 'the connection broke: it is unknown whether the request was stored');
      },
    };
    epochs = new Epochs(unreliable);
    await epochs.begin();
    policies = createPolicyStore(unreliable, barrier, epochs);
    await policies.put('p', READ);
    await allowed(policies);
    await assert.rejects(policies.delete('p'), { code: 'unavailable' });
    assert.deepEqual(await allowed(policies), [['read'], ['read'], ['read']], 'it is not gone yet');
    assert.equal(await policies.acl(['p']), await policies.acl(['p']), 'it is kept');
    await landing?.();
    await nothing();
  });

  it('are in force on every node once they are answered', async () => {
    const nodes = await Promise.all(
      [0, 1, 2].map(async () => {
        const own = new Epochs(inner);
        await own.begin();
        return { epochs: own, policies: createPolicyStore(inner, barrier, own) };
      }),
    );
    const [first, ...others] = nodes;
    for (const text of [READ, UPDATE, DENY, READ]) {
      await first?.policies.put('p', text);
      for (const node of [...others, ...nodes]) {
        epochs = node.epochs;
        await assertSame(node.policies);
      }
    }
    async function assertSame(served: PolicyStore): Promise<void> {
      const own = new Epochs(inner);
      const now = await allowed(served);
      epochs = own;
      assert.deepEqual(now, await allowed(createPolicyStore(inner, barrier, own)));
    }
  });
});
