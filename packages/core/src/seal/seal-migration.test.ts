import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { CofferError } from '@coffer/base';
import type { SealableCore } from '../sealable-core.ts';
import type { AutoSeal } from './auto-seal.ts';
import { FakeTransit } from './fake-transit-fixture.ts';
import { makeSealable, request } from './sealable-fixture.ts';
import { createSealRows, openKeyring, openRootKey, type SealRecord } from './seal-rows.ts';
import { createStaticSeal } from './static-seal.ts';

const PENDING = { code: 'invalid-request', message: 'migrate option not provided and seal migration is pending' };
const NONE = { code: 'invalid-request', message: "can't perform a seal migration, no migration seal found" };

interface Seals {
  readonly autoSeal?: AutoSeal;
  readonly formerSeal?: AutoSeal;
}
const staticSeal = (id = 'a'): AutoSeal =>
  createStaticSeal({ current: { id, key: new Uint8Array(32).fill(id.charCodeAt(0)) } });

describe('a store moves to another seal', () => {
  let store: Store;
  let core: SealableCore;
  let root: string;
  let shares: readonly Uint8Array[];
  const transit = { one: new FakeTransit(), two: new FakeTransit() };
  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
  });
  afterEach(async () => {
    await core.stop();
    await store.close();
  });

  const share = (index: number): Uint8Array => Uint8Array.from(shares[index] ?? []);

  /** A new process; whatever was in memory is gone. */
  async function restart(seals: Seals = {}, on = store): Promise<void> {
    await core.stop();
    core = makeSealable({ store: on, ...seals });
    await core.start();
  }

  async function made(seals: Seals = {}): Promise<void> {
    core = makeSealable({ store, ...seals });
    const counts = { shares: 3, threshold: 2 };
    const result = await core.init(seals.autoSeal ? { recovery: counts } : { unseal: counts });
    shares = [...result.unsealShares, ...result.recoveryShares];
    root = result.rootToken.reveal();
  }

  async function migrate(): Promise<void> {
    assert.partialDeepStrictEqual(await core.status(), { sealed: true, migration: true, shares: 3, threshold: 2 });
    await core.unsealAndMigrate(share(0));
    await core.unsealAndMigrate(share(2));
    assert.partialDeepStrictEqual(await core.status(), { sealed: false, migration: false, shares: 3, threshold: 2 });
    await isWhole();
  }

  /** What was there is there, and the holders of the shares are who they were. */
  async function isWhole(): Promise<void> {
    assert.ok((await core.handle(request('sys/slow', root))) !== undefined);
    const { nonce, otpLength } = await core.generateRoot.start(
      'o'.repeat((await core.generateRoot.status()).otpLength),
    );
    assert.ok(otpLength > 0);
    await core.generateRoot.update(share(1), nonce);
    assert.equal((await core.generateRoot.update(share(0), nonce)).complete, true);
  }

  async function unsealed(): Promise<void> {
    await core.unseal(share(0));
    await core.unseal(share(1));
    assert.equal((await core.status()).sealed, false);
  }

  const record = async (): Promise<SealRecord> => createSealRows(store).readPresent();

  const seals: Readonly<Record<string, () => AutoSeal>> = {
    static: () => staticSeal(),
    transit: () => transit.one.seal(),
  };

  for (const [type, seal] of Object.entries(seals)) {
    it(`from shares to ${type}: the shares become recovery shares`, async () => {
      await made();
      const before = await record();
      await restart({ autoSeal: seal() });
      assert.deepEqual([(await core.status()).type, (await core.status()).recoverySeal], ['shamir', false]);
      await assert.rejects(core.unseal(share(0)), PENDING);
      await core.unsealAndMigrate(share(0));
      await assert.rejects(
        core.unsealAndMigrate(share(1).fill(7)),
        /Unseal failed, invalid key|belong to different keys/,
      );
      assert.deepEqual((await record()).rootKey, before.rootKey, 'a wrong share has changed nothing');
      await migrate();
      assert.deepEqual([(await core.status()).type, (await core.status()).recoverySeal], [type, true]);

      await restart({ autoSeal: seal() });
      await isWhole();
      await restart({ autoSeal: seal(), formerSeal: staticSeal('z') });
      await isWhole();
      await assert.rejects(restart(), new RegExp(`seal of type "${type}", not "shamir": configure seal "${type}"`));
      await assert.rejects(core.unseal(share(0)), new RegExp(`the seal "${type}" unseals when the server starts`));
      assert.notDeepEqual((await record()).keyring, before.keyring);
    });

    it(`from ${type} to shares: the recovery shares become unseal shares`, async () => {
      await made({ autoSeal: seal() });
      const before = await record();
      await restart({ formerSeal: seal() });
      await assert.rejects(core.unseal(share(0)), PENDING);
      await core.unsealAndMigrate(share(0));
      await assert.rejects(
        core.unsealAndMigrate(share(0).reverse()),
        /Unseal failed, invalid key|belong to different keys/,
      );
      await migrate();
      assert.deepEqual((await core.status()).type, 'shamir');
      assert.equal((await record()).recovery, undefined);
      const key = await seal().keyOf(before.config);
      const oldRoot = openRootKey(key, before);
      assert.ok(openKeyring(oldRoot, before).keys.size > 0);
      const after = await record();
      assert.throws(() => openKeyring(oldRoot, after), 'the former seal opens nothing of what follows');

      // With the disabled seal still there, and without.
      for (const formerSeal of [seal(), undefined]) {
        await restart({ ...(formerSeal && { formerSeal }) });
        assert.equal((await core.status()).migration, false);
        await assert.rejects(core.unsealAndMigrate(share(0)), NONE);
        await unsealed();
      }
      const { nonce } = await core.rekey.start({ shares: 1, threshold: 1 });
      await core.rekey.update(share(0), nonce);
      shares = (await core.rekey.update(share(1), nonce)) ?? [];
      await restart();
      await core.unseal(share(0));
      assert.equal((await core.status()).sealed, false);
    });
  }

  const pairs: readonly (readonly [string, () => AutoSeal, () => AutoSeal])[] = [
    ['static to transit', () => staticSeal(), () => transit.one.seal()],
    ['transit to static', () => transit.one.seal(), () => staticSeal()],
    ['one transit to another', () => transit.one.seal(), () => transit.two.seal()],
    ['one static key to another', () => staticSeal('a'), () => staticSeal('b')],
  ];
  for (const [name, from, to] of pairs) {
    it(`from ${name}: the recovery shares stay`, async () => {
      await made({ autoSeal: from() });
      await assert.rejects(restart({ autoSeal: to() }), { code: 'failed' });
      await restart({ autoSeal: to(), formerSeal: from() });
      await assert.rejects(core.unseal(share(0)), PENDING);
      await migrate();
      assert.equal((await core.status()).type, to().type);
      await restart({ autoSeal: to(), formerSeal: from() });
      await isWhole();
      await restart({ autoSeal: to() });
      await isWhole();
      await assert.rejects(restart({ autoSeal: from() }), { code: 'failed' });
    });
  }

  it('at once or not at all, and an answer that is lost is not taken for a failure', async () => {
    await made();
    for (const [when, opensBy] of [
      ['before', 'shares'],
      ['after', 'static'],
    ] as const) {
      const faulty = failing(store, when);
      await restart({ autoSeal: staticSeal() }, faulty.store);
      await core.unsealAndMigrate(share(0));
      faulty.arm();
      const last = core.unsealAndMigrate(share(1));
      if (when === 'before') await assert.rejects(last, /cut off/);
      else await last;
      await core.stop();
      const { config } = await record();
      assert.equal(config.type, opensBy === 'shares' ? 'shamir' : 'static');
      await restart(opensBy === 'shares' ? {} : { autoSeal: staticSeal() });
      if (opensBy === 'shares') await unsealed();
      await isWhole();
    }
  });

  it('not while the seal to which it moves cannot be used', async () => {
    await made();
    await restart({ autoSeal: transit.one.seal() });
    transit.one.failure = new CofferError('unavailable', 'seal "transit": away');
    await core.unsealAndMigrate(share(0));
    await assert.rejects(core.unsealAndMigrate(share(1)), { code: 'unavailable', message: 'seal "transit": away' });
    assert.equal((await record()).config.type, 'shamir');
    transit.one.failure = undefined;
    await migrate();
  });

  it('only where there is something to move', async () => {
    await made();
    await assert.rejects(core.unsealAndMigrate(share(0)), NONE);
    await core.stop();
    for (const table of ['keyring', 'entries', 'tokens']) await store.run(`DELETE FROM ${table}`);
    await made({ formerSeal: staticSeal() });
    assert.deepEqual([(await core.status()).type, (await core.status()).migration], ['shamir', false]);
    await unsealed();
  });
});

/** A store whose next transaction on the keys is cut off before or after its effect. */
function failing(store: Store, when: 'before' | 'after'): { readonly store: Store; arm(): void } {
  let armed = false;
  const transaction: Store['transaction'] = async (statements, ...rest) => {
    const hits = armed && statements.some(({ sql }) => sql.includes('UPDATE keyring'));
    if (!hits) return store.transaction(statements, ...rest);
    armed = false;
    if (when === 'after') await store.transaction(statements, ...rest);
    throw new CofferError('unavailable', 'cut off');
  };
  const faulty = new Proxy(store, {
    get: (target, name) => {
      if (name === 'transaction') return transaction;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { store: faulty, arm: () => (armed = true) };
}
