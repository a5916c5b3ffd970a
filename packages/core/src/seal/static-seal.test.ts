import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openEmbeddedStore, type Store } from '@coffer/store';
import type { RekeyControl } from './seal-control.ts';
import type { SealableCore } from '../sealable-core.ts';
import { makeSealable } from './sealable-fixture.ts';
import { SealKeys } from './seal-keys.ts';
import type { AutoSeal } from './auto-seal.ts';
import { createStaticSeal, type StaticKeys } from './static-seal.ts';

const KEYS: StaticKeys = { current: { id: 'a', key: new Uint8Array(32).fill(1) } };
const staticSeal = (keys = KEYS): AutoSeal => createStaticSeal(keys);

describe('a core that opens by itself', () => {
  let store: Store;
  let core: SealableCore;
  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    core = makeSealable({ store, autoSeal: staticSeal() });
  });
  afterEach(async () => {
    await core.stop();
    await store.close();
  });

  async function restart(): Promise<void> {
    await core.stop();
    core = makeSealable({ store, autoSeal: staticSeal() });
    await core.start();
  }

  it('makes root tokens by recovery keys', async () => {
    const { unsealShares, recoveryShares } = await core.init({ recovery: { shares: 3, threshold: 2 } });
    assert.deepEqual([unsealShares.length, recoveryShares.length], [0, 3]);
    assert.equal((await core.status()).sealed, false);
    await restart();
    assert.equal((await core.status()).sealed, false);
    await core.generateRoot.start('o'.repeat((await core.generateRoot.status()).otpLength));
    const { nonce } = await core.generateRoot.status();
    await core.generateRoot.update(Uint8Array.from(recoveryShares[2] ?? []), nonce);
    assert.ok((await core.generateRoot.update(Uint8Array.from(recoveryShares[0] ?? []), nonce)).complete);
    const wrong = { ...KEYS.current, key: new Uint8Array(32).fill(2) };
    const other = makeSealable({ store, autoSeal: staticSeal({ current: wrong }) });
    await assert.rejects(other.start(), /the key "a" does not open this store/);
  });

  it('keeps no keys when it cannot open, however far it got', async (test) => {
    await core.init({ recovery: { shares: 1, threshold: 1 } });
    await core.stop();
    const forget = test.mock.method(SealKeys.prototype, 'forget');
    core = makeSealable({
      store,
      autoSeal: staticSeal(),
      onBuild: () => {
        throw new Error('nothing can be built');
      },
    });
    await assert.rejects(core.start(), /nothing can be built/);
    assert.equal(forget.mock.callCount(), 1);
    await store.run("UPDATE entries SET value = $1 WHERE mount = 'core/cluster'", [new Uint8Array(40)]);
    await assert.rejects(core.start(), /core\/cluster/);
    assert.equal(forget.mock.callCount(), 2);
    assert.equal((await core.status()).sealed, true);
  });

  it('exchanges recovery shares and the root key, by recovery shares', async () => {
    const { recoveryShares, rootToken } = await core.init({ recovery: { shares: 3, threshold: 2 } });
    const hand = async (control: RekeyControl, shares: readonly Uint8Array[]): Promise<readonly Uint8Array[]> => {
      const { nonce } = await control.status();
      let made: readonly Uint8Array[] | undefined;
      for (const share of shares) made = await control.update(Uint8Array.from(share), nonce);
      assert.ok(made, 'these shares are enough');
      return made;
    };
    await assert.rejects(core.rekeyRecovery.start({ shares: 2, threshold: 3 }), {
      message: 'provided threshold greater than the total shares',
    });
    await assert.rejects(core.rekeyRecovery.start({ shares: 0, threshold: 0 }), {
      message: 'invalid recovery configuration: shares must be at least one',
    });
    await assert.rejects(core.rekeyRecovery.update(new Uint8Array(33), 'x'), /^.*no recovery rekey in progress$/);

    await core.rekeyRecovery.start({ shares: 2, threshold: 2 });
    assert.equal((await core.rekeyRecovery.status()).required, 2);
    const { nonce } = await core.rekeyRecovery.status();
    await core.rekeyRecovery.update(Uint8Array.from(recoveryShares[1] ?? []), nonce);
    for (const length of [16, 20, 32]) {
      const refusal = { message: `invalid key: it has ${length} bytes, but a share of this key has 33` };
      await assert.rejects(core.rekeyRecovery.update(new Uint8Array(length), nonce), refusal);
    }
    assert.equal((await core.rekeyRecovery.status()).progress, 1);
    await core.rekeyRecovery.cancel();
    await core.rekeyRecovery.start({ shares: 2, threshold: 2 });
    assert.equal((await core.rekey.status()).started, false);
    const fresh = await hand(core.rekeyRecovery, recoveryShares.slice(1));
    assert.equal(fresh.length, 2);
    assert.deepEqual([(await core.status()).shares, (await core.status()).threshold], [2, 2]);

    await core.rekey.start({ shares: 5, threshold: 3 });
    await assert.rejects(hand(core.rekey, recoveryShares.slice(1)), /recovery key verification failed/);
    assert.deepEqual(await hand(core.rekey, fresh), [], 'nobody gets a share of the root key');

    await restart();
    assert.deepEqual([(await core.status()).shares, (await core.status()).threshold], [2, 2]);
    assert.ok((await core.core?.services.tokens.lookup(rootToken.reveal())) !== undefined);
    await core.rekeyRecovery.start({ shares: 1, threshold: 1 });
    await hand(core.rekeyRecovery, fresh);
  });

  it('is refused where the store has another key or another kind of seal, with what to configure', async () => {
    await core.init({ recovery: { shares: 1, threshold: 1 } });
    const wrong = new Uint8Array(32).fill(2);
    const refusedWith = async (keys: StaticKeys | undefined, message: RegExp): Promise<void> => {
      const other = makeSealable({ store, ...(keys && { autoSeal: staticSeal(keys) }) });
      await assert.rejects(other.start(), { code: 'failed', message });
      assert.equal((await other.status()).sealed, true);
      await other.stop();
    };
    const asOthers = /configure the key that the other nodes of this store have$/;
    await refusedWith({ current: { id: 'a', key: wrong } }, asOthers);
    await refusedWith({ current: { id: 'b', key: wrong } }, /sealed under the key "a".*which is neither/);
    await refusedWith({ current: { id: 'b', key: wrong } }, asOthers);
    const previous = { id: 'a', key: wrong };
    await refusedWith({ current: { id: 'b', key: wrong }, previous }, asOthers);
    await refusedWith(
      undefined,
      /has a seal of type "static", not "shamir": configure seal "static", with disabled = "true" to migrate from it$/,
    );
  });

  it('moves to a new static key while nodes with the old one are open, which do not undo that', async () => {
    const { recoveryShares } = await core.init({ recovery: { shares: 1, threshold: 1 } });
    const current = { id: 'b', key: new Uint8Array(32).fill(2) };
    const moved = makeSealable({ store, autoSeal: staticSeal({ current, previous: KEYS.current }) });
    await moved.start();
    const share = (): Uint8Array => Uint8Array.from(recoveryShares[0] ?? []);
    const { nonce } = await core.rekey.start({ shares: 1, threshold: 1 });
    await assert.rejects(
      core.rekey.update(share(), nonce),
      /sealed the store with the key "b": configure it on this node/,
    );
    await core.rotate();
    const again = await moved.rekey.start({ shares: 1, threshold: 1 });
    await moved.rekey.update(share(), again.nonce);
    await core.rotate();
    assert.equal(core.keyStatus().term, 3);
    await moved.stop();
    const settled = makeSealable({ store, autoSeal: staticSeal({ current }) });
    await settled.start();
    assert.equal(settled.keyStatus().term, 3);
    await settled.stop();
  });

  it('keeps the name that the cluster was given first', async () => {
    for (const [clusterName, shown] of [
      ['first', 'first'],
      ['second', 'first'],
    ] as const) {
      core = makeSealable({ store, autoSeal: staticSeal(), clusterName });
      await core.start();
      if (!(await core.status()).initialized) await core.init({ recovery: { shares: 1, threshold: 1 } });
      assert.equal((await core.status()).cluster?.name, shown);
      await core.stop();
    }
  });
});
