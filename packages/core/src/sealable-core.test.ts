import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openEmbeddedStore, type Store } from '@coffer/store';
import type { SealableCore } from './sealable-core.ts';
import { makeSealable, request } from './seal/sealable-fixture.ts';

describe('a core behind its seal', () => {
  let store: Store;
  let core: SealableCore;
  /** Resolved by a test to let `slow` answer. */
  let slow: PromiseWithResolvers<void>;
  /** Resolved when the keys are wiped. */
  let wiped: PromiseWithResolvers<void>;
  let builds = 0;
  let closes = 0;

  const make = (): SealableCore =>
    makeSealable({
      store,
      slow: () => slow.promise,
      onBuild: () => builds++,
      onClose: () => closes++,
      onSealed: () => wiped.resolve(),
    });

  beforeEach(async () => {
    builds = 0;
    closes = 0;
    slow = Promise.withResolvers();
    wiped = Promise.withResolvers();
    store = await openEmbeddedStore({ path: ':memory:' });
    core = make();
    await core.start();
  });
  afterEach(async () => {
    slow.resolve();
    await core.stop();
    await store.close();
  });

  const opened = async (shares = 1, threshold = 1) => {
    const made = await core.init({ unseal: { shares, threshold } });
    for (const share of made.unsealShares.slice(0, threshold)) await core.unseal(Uint8Array.from(share));
    return { root: made.rootToken.reveal(), shares: made.unsealShares };
  };

  it('answers only its status while sealed, in the words of Vault', async () => {
    assert.equal((await core.status()).initialized, false);
    await assert.rejects(core.unseal(Uint8Array.of(1)), { message: 'Vault is not initialized' });
    assert.deepEqual((await core.handle(request('sys/seal-status')))?.data, { sealed: true });
    for (const path of ['sys/slow', 'database/creds/x', 'nowhere', 'seal-status']) {
      await assert.rejects(core.handle(request(path)), { code: 'sealed', message: 'Vault is sealed' });
    }
    assert.equal(builds, 0);
  });

  it('opens with any shares that are enough, and with no others', async () => {
    const { unsealShares } = await core.init({ unseal: { shares: 5, threshold: 3 } });
    await assert.rejects(core.init({ unseal: { shares: 1, threshold: 1 } }), /already initialized/);
    const share = (index: number): Uint8Array => Uint8Array.from(unsealShares[index] ?? []);
    const altered = share(2);
    altered[5] = (altered[5] ?? 0) ^ 1;
    for (const each of [share(0), share(1), share(1)]) await core.unseal(each);
    assert.equal((await core.status()).progress, 2);
    await assert.rejects(core.unseal(altered), { code: 'invalid-request', message: 'Unseal failed, invalid key' });
    assert.equal((await core.status()).progress, 0);
    for (const index of [4, 0, 2]) await core.unseal(share(index));
    assert.equal((await core.status()).sealed, false);
  });

  it('keeps the shares of the others when one comes that can be none', async () => {
    const { unsealShares } = await core.init({ unseal: { shares: 3, threshold: 2 } });
    const share = (index: number): Uint8Array => Uint8Array.from(unsealShares[index] ?? []);
    await assert.rejects(core.unseal(new Uint8Array(15)), { message: 'key is shorter than minimum 16 bytes' });
    assert.deepEqual([(await core.status()).progress, (await core.status()).nonce], [0, '']);
    await core.unseal(share(0));
    const { nonce } = await core.status();
    await assert.rejects(core.unseal(new Uint8Array(34)), { message: 'key is longer than maximum 33 bytes' });
    assert.deepEqual([(await core.status()).progress, (await core.status()).nonce], [1, nonce]);
    await core.unseal(share(2));
    assert.equal((await core.status()).sealed, false);
    assert.throws(() => core.resetUnseal(), { code: 'invalid-request', message: 'vault is unsealed' });

    await core.rekey.start({ shares: 1, threshold: 1 });
    await core.generateRoot.start('o'.repeat((await core.generateRoot.status()).otpLength));
    for (const attempt of [core.rekey, core.generateRoot]) {
      const begun = await attempt.status();
      await attempt.update(share(1), begun.nonce);
      for (const length of [0, 15, 34, 300]) {
        await assert.rejects(
          attempt.update(new Uint8Array(length), begun.nonce),
          /^CofferError: key is (short|long)er/,
        );
      }
      assert.deepEqual([(await attempt.status()).progress, (await attempt.status()).nonce], [1, begun.nonce]);
    }
  });

  it('keeps the shares of the others when one comes that has lost a part, in the seal and in every attempt', async () => {
    const { unsealShares } = await core.init({ unseal: { shares: 3, threshold: 2 } });
    const [first, second, third] = unsealShares.map((each) => Uint8Array.from(each));
    assert.ok(first && second && third);
    const parts = [16, 17, 31, 32].map((length) => second.slice(0, length));
    const refusal = (part: Uint8Array) => ({
      code: 'invalid-request',
      message: `invalid key: it has ${part.length} bytes, but a share of this key has 33`,
    });
    await core.unseal(first);
    const { nonce } = await core.status();
    for (const part of parts) await assert.rejects(core.unseal(part), refusal(part));
    await core.unseal(first);
    assert.deepEqual([(await core.status()).progress, (await core.status()).nonce], [1, nonce]);
    await core.unseal(third);
    assert.equal((await core.status()).sealed, false);

    await core.generateRoot.start('o'.repeat((await core.generateRoot.status()).otpLength));
    await core.rekey.start({ shares: 1, threshold: 1 });
    for (const attempt of [core.generateRoot, core.rekey]) {
      const begun = await attempt.status();
      await attempt.update(first, begun.nonce);
      for (const part of parts) await assert.rejects(attempt.update(part, begun.nonce), refusal(part));
      await assert.rejects(attempt.update(first, begun.nonce), /given key has already been provided/);
      await assert.rejects(attempt.update(third, 'another'), /incorrect nonce supplied/);
      assert.deepEqual([(await attempt.status()).progress, (await attempt.status()).nonce], [1, begun.nonce]);
      assert.ok(await attempt.update(third, begun.nonce));
    }
    // A single share is the key itself, without a place among others.
    await core.rekey.start({ shares: 3, threshold: 2 });
    const single = await core.rekey.status();
    const long = { code: 'invalid-request', message: 'invalid key: it has 33 bytes, but a share of this key has 32' };
    await assert.rejects(core.rekey.update(first, single.nonce), long);
  });

  it('keeps an attempt, without shares, when they make another key', async () => {
    const { shares } = await opened(3, 2);
    await core.rekey.start({ shares: 1, threshold: 1 });
    const { nonce } = await core.rekey.status();
    await core.rekey.update(Uint8Array.from(shares[0] ?? []), nonce);
    const altered = Uint8Array.from(shares[1] ?? []);
    altered[0] = (altered[0] ?? 0) ^ 1;
    await assert.rejects(core.rekey.update(altered, nonce), /root key verification failed/);
    assert.deepEqual([(await core.rekey.status()).nonce, (await core.rekey.status()).progress], [nonce, 0]);
  });

  it('is closed after its end, also when somebody was just opening it', async () => {
    const { unsealShares } = await core.init({ unseal: { shares: 1, threshold: 1 } });
    const opening = core.unseal(Uint8Array.from(unsealShares[0] ?? []));
    await Promise.allSettled([opening, core.stop()]);
    assert.equal((await core.status()).sealed, true);
    assert.equal(builds, closes);
  });

  it('refuses counts that make no sense', async () => {
    for (const [shares, threshold, message] of [
      [0, 0, /shares must be at least one/],
      [3, 1, /threshold must be greater than one/],
      [2, 3, /threshold cannot be larger than shares/],
      [256, 2, /less than 256/],
    ] as const) {
      await assert.rejects(core.init({ unseal: { shares, threshold } }), { code: 'invalid-request', message });
    }
  });

  it('finishes the request under way before it seals, and takes no new one', async () => {
    const { root, shares } = await opened();
    const running = core.handle(request('sys/slow', root));
    const sealing = core.handle(request('sys/seal', root));
    while ((await core.status()).sealed === false) await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(core.handle(request('sys/slow', root)), { code: 'sealed' });
    assert.equal(closes, 0);
    slow.resolve();
    assert.deepEqual((await running)?.data, { done: true });
    await sealing;
    assert.equal(closes, 1);
    assert.throws(() => core.keyStatus(), { code: 'sealed' });
    await core.unseal(Uint8Array.from(shares[0] ?? []));
    assert.equal(builds, 2);
    assert.ok((await core.core?.services.tokens.lookup(root)) !== undefined);
  });

  it('keeps no keys for a request that hangs', async () => {
    const { root } = await opened();
    const policies = core.core?.services.policies;
    const running = core.handle(request('sys/slow', root));
    const sealing = core.handle(request('sys/seal', root));
    // Long before the core gives the request up.
    await wiped.promise;
    assert.equal(closes, 0);
    await assert.rejects(async () => policies?.put('late', '# late'), { code: 'sealed' });
    slow.resolve();
    assert.deepEqual((await running)?.data, { done: true });
    await sealing;
    assert.equal(closes, 1);
  });

  it('opens what was sealed before a rotation, and counts anew', async () => {
    const { root, shares } = await opened();
    const policies = () => core.core?.services.policies;
    await policies()?.put('before', '# before');
    assert.ok(core.keyStatus().encryptions > 0);
    await core.rotate();
    assert.deepEqual([core.keyStatus().term, core.keyStatus().encryptions], [2, 0]);
    await policies()?.put('after', '# after');
    await core.handle(request('sys/seal', root));
    await core.unseal(Uint8Array.from(shares[0] ?? []));
    assert.deepEqual([core.keyStatus().term, core.keyStatus().encryptions], [2, 1]);
    assert.equal((await policies()?.get('before'))?.text, '# before');
    assert.equal((await policies()?.get('after'))?.text, '# after');
  });

  it('exchanges its shares only for enough of the present ones', async () => {
    const { shares, root } = await opened(3, 2);
    await core.rekey.start({ shares: 1, threshold: 1 });
    await assert.rejects(core.rekey.start({ shares: 1, threshold: 1 }), /already in progress/);
    const { nonce, required } = await core.rekey.status();
    assert.equal(required, 2);
    const share = (index: number): Uint8Array => Uint8Array.from(shares[index] ?? []);
    await assert.rejects(core.rekey.update(share(0), 'other'), {
      message: `incorrect nonce supplied; nonce for this rekey operation is "${nonce}"`,
    });
    const altered = share(1);
    altered[0] = (altered[0] ?? 0) ^ 1;
    assert.equal(await core.rekey.update(share(0), nonce), undefined);
    await assert.rejects(core.rekey.update(share(0), nonce), /given key has already been provided/);
    await assert.rejects(core.rekey.update(altered, nonce), /root key verification failed/);
    assert.equal(await core.rekey.update(share(0), nonce), undefined);
    const fresh = await core.rekey.update(share(1), nonce);
    assert.equal(fresh?.length, 1);
    assert.equal((await core.rekey.status()).started, false);
    await core.rotate();
    await core.handle(request('sys/seal', root));
    assert.deepEqual([(await core.status()).shares, (await core.status()).threshold], [1, 1]);
    await assert.rejects(core.unseal(share(0)), /invalid key/);
    await core.unseal(Uint8Array.from(fresh?.[0] ?? []));
    assert.equal((await core.status()).sealed, false);
  });

  it('makes a root token that only the one-time password reads', async () => {
    const { shares } = await opened();
    const { otpLength } = await core.generateRoot.status();
    await assert.rejects(core.generateRoot.start('short'), /wrong length/);
    const otp = 'o'.repeat(otpLength);
    await core.generateRoot.start(otp);
    const { nonce } = await core.generateRoot.status();
    await assert.rejects(core.generateRoot.update(new Uint8Array(32), nonce), /invalid key/);
    const { complete, encodedToken } = await core.generateRoot.update(Uint8Array.from(shares[0] ?? []), nonce);
    assert.ok(complete);
    const token = Buffer.from(encodedToken, 'base64')
      .map((byte) => byte ^ 0x6f)
      .toString();
    assert.deepEqual((await core.core?.services.tokens.lookup(token))?.policies, ['root']);
    await core.generateRoot.cancel();
    await assert.rejects(core.generateRoot.update(new Uint8Array(32), nonce), /no root generation in progress/);
  });

  it('goes on with the keys as another node has left them', async () => {
    const { root } = await opened();
    await store.run('UPDATE keyring SET version = version + 1');
    await core.rotate();
    assert.equal(core.keyStatus().term, 2);
    await core.handle(request('sys/seal', root));
    assert.equal((await core.status()).sealed, true);
  });

  it('names the part of the seal that is missing', async () => {
    await opened();
    await core.stop();
    await store.run("DELETE FROM keyring WHERE name = 'root-key'");
    await assert.rejects(make().start(), { code: 'failed', message: /keyring\/root-key is missing/ });
  });

  it('has recovery shares only where it opens by itself', async () => {
    const refused = { code: 'invalid-request', message: 'recovery rekeying not supported' };
    await assert.rejects(core.rekeyRecovery.status(), refused);
    await opened();
    await assert.rejects(core.rekeyRecovery.start({ shares: 1, threshold: 1 }), refused);
    await assert.rejects(core.rekeyRecovery.update(new Uint8Array(32), ''), refused);
  });

  it('rotates the encryption key by itself, at its age', async (test) => {
    const { root, shares } = await opened();
    await core.setKeyRotation({ ...(await core.keyRotation()), interval: 24 * 3600 });
    await core.tendKeys();
    assert.equal(core.keyStatus().term, 1);
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() + 24 * 3_600_000 });
    await core.tendKeys();
    assert.equal(core.keyStatus().term, 2);
    await core.tendKeys();
    assert.equal(core.keyStatus().term, 2);
    await core.setKeyRotation({ ...(await core.keyRotation()), enabled: false });
    test.mock.timers.setTime(Date.now() + 48 * 3_600_000);
    await core.tendKeys();
    assert.equal(core.keyStatus().term, 2);
    await core.handle(request('sys/seal', root));
    await core.tendKeys();
    await core.unseal(Uint8Array.from(shares[0] ?? []));
    assert.deepEqual(await core.keyRotation(), { enabled: false, interval: 86_400, maxOperations: 3_865_470_566 });
  });
});
