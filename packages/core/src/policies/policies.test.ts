/** The policy store: what it compiles is kept, and never older than the last write that was answered. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Epochs } from '../epochs/epochs.ts';
import { createPolicyStore, type PolicyStore } from './policies.ts';

const READ = 'path "a" { capabilities = ["read"] }';
const DENY = 'path "a" { capabilities = ["deny"] }';

describe('the policy store', () => {
  let store: Store;
  let policies: PolicyStore;
  let reads = 0;
  /** Holds the next answer to a read of a policy back, until it is let go. */
  let hold: Promise<void> | undefined;

  before(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    const watched: Store = {
      ...{ exclusive: store.exclusive, transaction: (all) => store.transaction(all), close: () => store.close() },
      async run(sql, params) {
        const result = await store.run(sql, params);
        if (sql.startsWith('SELECT value FROM policies')) {
          reads++;
          await hold;
        }
        return result;
      },
    };
    policies = createPolicyStore(watched, new Barrier(createKeyring()), new Epochs(watched));
  });
  after(() => store.close());
  beforeEach(() => {
    reads = 0;
    hold = undefined;
  });

  const mayRead = async (...names: string[]) => (await policies.acl(names)).allows('read', 'a', {}, false);

  it('compiles the policies of a token once', async () => {
    await policies.put('one', READ);
    const acl = await policies.acl(['one', 'none']);
    reads = 0;
    for (let i = 0; i < 10; i++) assert.equal(await policies.acl(['one', 'none']), acl);
    assert.equal(reads, 0);
  });

  it('uses what was written from the answer on, and not what was withdrawn', async () => {
    await policies.put('two', READ);
    assert.equal(await mayRead('two'), true);
    await policies.put('two', DENY);
    assert.equal(await mayRead('two'), false);
    await policies.put('two', READ);
    assert.equal(await mayRead('Two'), true, 'names are lower case');
    await policies.delete('two');
    assert.equal(await mayRead('two'), false);
    assert.equal(await mayRead('Two'), false);
    await policies.put('two', READ);
    assert.equal(await mayRead('two'), true, 'also where nothing was before');
  });

  it('keeps nothing that was read before a write and compiled after it', async () => {
    for (const withdraw of [() => policies.put('three', DENY), () => policies.delete('three')]) {
      await policies.put('three', READ);
      const gate = Promise.withResolvers<void>();
      hold = gate.promise;
      const early = mayRead('three');
      while (reads === 0) await new Promise(setImmediate);
      hold = undefined;
      await withdraw();
      assert.equal(await mayRead('three'), false);
      gate.resolve();
      await early;
      assert.equal(await mayRead('three'), false, 'what the earlier request read is not kept');
      reads = 0;
    }
  });

  it('keeps a bounded number of them', async () => {
    const first = await policies.acl(['kind-0']);
    assert.equal(await policies.acl(['kind-0']), first);
    for (let i = 1; i <= 300; i++) await policies.acl([`kind-${i}`]);
    assert.notEqual(await policies.acl(['kind-0']), first);
  });
});
