import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { createCore } from './core.ts';
import { definePath } from './path.ts';
import { SealableCore } from './sealable-core.ts';
import type { SealControl } from './seal-control.ts';
import type { StaticSeal } from './static-seal.ts';

const request = (path: string, token = '') =>
  ({ id: '', operation: 'read', path, token, data: {}, remoteAddress: '' }) as const;

describe('a core behind its seal', () => {
  let store: Store;
  let core: SealableCore;
  /** Resolved by a test to let `slow` answer. */
  let slow: PromiseWithResolvers<void>;
  let builds = 0;
  let closes = 0;

  function make(staticSeal?: StaticSeal): SealableCore {
    const statusPath = (control: SealControl) =>
      definePath({
        pattern: 'seal-status',
        fields: {},
        unauthenticated: true,
        synopsis: '',
        read: async () => ({ data: { sealed: (await control.status()).sealed } }),
      });
    return new SealableCore({
      store,
      ...(staticSeal && { staticSeal }),
      sealedPaths: (control) => [statusPath(control)],
      logger: silentLogger,
      build: ({ barrier, seal }) => {
        builds++;
        const paths = [
          statusPath(seal),
          definePath({
            pattern: 'seal',
            fields: {},
            sudo: true,
            synopsis: '',
            read: async () => {
              seal.seal();
              return { data: {} };
            },
          }),
          definePath({
            pattern: 'slow',
            fields: {},
            synopsis: '',
            read: async () => {
              await slow.promise;
              return { data: { done: true } };
            },
          }),
        ];
        return {
          core: createCore({
            store,
            barrier,
            engines: () => new Map(),
            builtins: () =>
              new Map([
                [
                  'sys/',
                  {
                    type: 'system',
                    description: '',
                    factory: () => ({ paths, help: '', close: async () => undefined }),
                  },
                ],
              ]),
            builtinPlugins: [],
            logger: silentLogger,
          }),
          close: async () => {
            closes++;
          },
        };
      },
    });
  }

  beforeEach(async () => {
    builds = 0;
    closes = 0;
    slow = Promise.withResolvers();
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
    await assert.rejects(core.rekey.update(share(0), 'other'), /incorrect nonce/);
    const altered = share(1);
    altered[0] = (altered[0] ?? 0) ^ 1;
    assert.equal(await core.rekey.update(share(0), nonce), undefined);
    await assert.rejects(core.rekey.update(altered, nonce), /rekey failed, invalid key/);
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
    core.generateRoot.cancel();
    await assert.rejects(core.generateRoot.update(new Uint8Array(32), nonce), /no root generation in progress/);
  });

  it('says when another node has changed the keys', async () => {
    const { root } = await opened();
    await store.run('UPDATE keyring SET version = version + 1');
    await assert.rejects(core.rotate(), { code: 'failed', message: /another node has changed the keys/ });
    await core.handle(request('sys/seal', root));
    assert.equal((await core.status()).sealed, true);
  });

  it('names the part of the seal that is missing', async () => {
    await opened();
    await core.stop();
    await store.run("DELETE FROM keyring WHERE name = 'root-key'");
    await assert.rejects(make().start(), { code: 'failed', message: /keyring\/root-key is missing/ });
  });

  it('opens by itself with a static key, and makes root tokens by recovery keys', async () => {
    const staticSeal: StaticSeal = { type: 'static', current: { id: 'a', key: new Uint8Array(32).fill(1) } };
    core = make(staticSeal);
    const { unsealShares, recoveryShares } = await core.init({ recovery: { shares: 3, threshold: 2 } });
    assert.deepEqual([unsealShares.length, recoveryShares.length], [0, 3]);
    assert.equal((await core.status()).sealed, false);
    await core.stop();
    core = make({ ...staticSeal });
    await core.start();
    assert.equal((await core.status()).sealed, false);
    await assert.rejects(core.rekey.start({ shares: 1, threshold: 1 }), /static seal has no shares/);
    await core.generateRoot.start('o'.repeat((await core.generateRoot.status()).otpLength));
    const { nonce } = await core.generateRoot.status();
    await core.generateRoot.update(Uint8Array.from(recoveryShares[2] ?? []), nonce);
    assert.ok((await core.generateRoot.update(Uint8Array.from(recoveryShares[0] ?? []), nonce)).complete);
    const other = make({ type: 'static', current: { id: 'a', key: new Uint8Array(32).fill(2) } });
    await assert.rejects(other.start(), /the key "a" does not open this store/);
  });
});
