/** What is compiled of policies is never older than the last write that was answered, wherever a reader stands meanwhile. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError, mayLandUntil } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Steps, steppedStore } from '@coffer/testkit';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { createPolicyStore, type PolicyStore } from './policies.ts';

const READ = 'path "a" { capabilities = ["read"] }';
const UPDATE = 'path "a" { capabilities = ["update"] }';
const DENY = 'path "a" { capabilities = ["deny"] }';
/** In one spelling and the other, alone and among others: each is an ACL of its own. */
const SETS = [['p'], ['p', 'q'], ['none', 'p']] as const;

describe('policies', () => {
  let inner: Store;
  let policies: PolicyStore;
  const barrier = new Barrier(createKeyring());
  const steps = new Steps();

  before(async () => (inner = await openEmbeddedStore({ path: ':memory:' })));
  after(() => inner.close());

  const allowed = async (store: PolicyStore, folded = false) =>
    Promise.all(
      SETS.map(async (names) => {
        const acl = await store.acl(names);
        const asked = folded ? acl.folded() : acl;
        return (['read', 'update'] as const).filter((operation) => asked.allows(operation, 'a', {}, false));
      }),
    );
  /** What is served is what a server would say that has only just been started. */
  const assertFresh = async () => {
    const fresh = createPolicyStore(inner, barrier);
    assert.deepEqual(await allowed(policies), await allowed(fresh));
    assert.deepEqual(await allowed(policies, true), await allowed(fresh, true));
  };
  const nothing = async () => {
    for (const folded of [false, true]) assert.deepEqual(await allowed(policies, folded), [[], [], []]);
  };
  const begin = (text: string) => async () => {
    policies = createPolicyStore(steppedStore(inner, steps), barrier);
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
      // Before and after each of p, p and q, none and p.
      assert.equal(points.length, 10);
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

  it('are not kept while a write that failed may still take effect', async (t) => {
    let landing: (() => Promise<unknown>) | undefined;
    const unreliable: Store = {
      exclusive: inner.exclusive,
      async run(sql, params) {
        if (!sql.startsWith('DELETE')) return inner.run(sql, params);
        landing = () => inner.run(sql, params);
        throw new CofferError('unavailable', 'the connection broke: whether the request was kept is unknown');
      },
      transaction: (statements) => inner.transaction(statements),
      close: () => inner.close(),
    };
    t.mock.timers.enable({ apis: ['Date'] });
    policies = createPolicyStore(unreliable, barrier);
    await policies.put('p', READ);
    await allowed(policies);
    await assert.rejects(policies.delete('p'), { code: 'unavailable' });
    assert.deepEqual(await allowed(policies), [['read'], ['read'], ['read']], 'it is not gone yet');
    await landing?.();
    await nothing();
    assert.notEqual(await policies.acl(['p']), await policies.acl(['p']), 'nothing is kept meanwhile');
    t.mock.timers.tick(mayLandUntil() - Date.now());
    assert.equal(await policies.acl(['p']), await policies.acl(['p']), 'afterwards it is');
  });
});
