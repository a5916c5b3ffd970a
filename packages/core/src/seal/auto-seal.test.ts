import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CofferError, createLogger, formatLogLine } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import type { SealableCore } from '../sealable-core.ts';
import { away, FakeTransit } from './fake-transit-fixture.ts';
import { makeSealable } from './sealable-fixture.ts';
import { SealKeys } from './seal-keys.ts';
import { createSealRows, openRootKey } from './seal-rows.ts';
import { SealWatch } from './seal-watch.ts';

describe('a seal that another server opens', () => {
  let store: Store;
  let core: SealableCore;
  let transit: FakeTransit;
  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    transit = new FakeTransit();
    core = makeSealable({ store, autoSeal: transit.seal() });
  });
  afterEach(async () => {
    await core.stop();
    await store.close();
  });

  async function restart(): Promise<void> {
    await core.stop();
    core = makeSealable({ store, autoSeal: transit.seal() });
    await core.start();
  }

  const config = async () => (await createSealRows(store).readPresent()).config;

  it('stays closed while that server is away, says so, and opens once it answers', async () => {
    await core.start();
    transit.failure = away();
    await assert.rejects(core.init({ recovery: { shares: 1, threshold: 1 } }), { code: 'unavailable' });
    assert.equal((await core.status()).initialized, false, 'nothing was made that nobody could open');
    transit.failure = undefined;
    await core.init({ recovery: { shares: 1, threshold: 1 } });

    transit.failure = away();
    await restart();
    const { sealed, problem = '', migration } = await core.status();
    assert.deepEqual([sealed, migration], [true, false]);
    assert.match(problem, /^seal "transit": the server behind the seal does not answer/);
    assert.doesNotMatch(problem, /refused/, 'what it said is for the log');
    await assert.rejects(
      core.unseal(new Uint8Array(32)),
      /unseals when the server starts, without shares; seal "transit"/,
    );
    const before = transit.asked;
    transit.failure = undefined;
    for (let n = 0; n < 100 && (await core.status()).sealed; n++) await delay(50);
    assert.partialDeepStrictEqual(await core.status(), { sealed: false });
    assert.equal((await core.status()).problem, undefined);
    assert.ok(transit.asked > before);
  });

  it('says that nothing is tried again once that server refuses', async () => {
    await core.init({ recovery: { shares: 1, threshold: 1 } });
    transit.failure = away();
    await restart();
    transit.failure = new CofferError('failed', 'seal "transit": 403 permission denied');
    const given = /^seal "transit": it did not open and is not tried again; .* restart the server$/;
    for (let n = 0; n < 100 && !given.test((await core.status()).problem ?? ''); n++) await delay(50);
    const { problem = '' } = await core.status();
    assert.match(problem, given);
    assert.doesNotMatch(problem, /403/, 'what it said is for the log');
    transit.failure = undefined;
    await restart();
    assert.partialDeepStrictEqual(await core.status(), { sealed: false });
  });

  it('goes on trying while the store is away as well', async () => {
    await core.init({ recovery: { shares: 1, threshold: 1 } });
    transit.failure = away();
    await restart();
    // The next attempt finds no store.
    let missed = 0;
    store.run = () => {
      missed++;
      return Promise.reject(new CofferError('unavailable', 'store: cannot connect to the database'));
    };
    transit.failure = undefined;
    for (let n = 0; n < 100 && missed === 0; n++) await delay(50);
    Reflect.deleteProperty(store, 'run');
    assert.ok(missed > 0);
    for (let n = 0; n < 100 && (await core.status()).sealed; n++) await delay(50);
    assert.partialDeepStrictEqual(await core.status(), { sealed: false });
  });

  it('does not start with a key that is not the store’s, or a token that may not', async () => {
    await core.init({ recovery: { shares: 1, threshold: 1 } });
    await core.stop();
    core = makeSealable({ store, autoSeal: new FakeTransit().seal() });
    await assert.rejects(core.start(), /400 invalid ciphertext/);
    transit.failure = new CofferError('failed', 'seal "transit": 403 permission denied');
    await assert.rejects(restart(), /403 permission denied/);
    transit.failure = undefined;
    await restart();
    assert.equal((await core.status()).sealed, false);
  });

  it('is sealed anew when the key there has a new version, at the start and while it is open', async (test) => {
    const { recoveryShares } = await core.init({ recovery: { shares: 1, threshold: 1 } });
    const first = await config();
    await restart();
    assert.deepEqual(await config(), first, 'and not at each start');
    transit.version = 2;
    await restart();
    const second = await config();
    assert.equal(second.keyId, 'unseal:v2');
    transit.dropOlder();
    await restart();

    const record = await createSealRows(store).readPresent();
    const key = await transit.seal().keyOf(record.config);
    const lines: string[] = [];
    const logger = createLogger('', 'info', (entry) => lines.push(formatLogLine(entry)));
    const rows = createSealRows(store);
    const keys = new SealKeys({ rows, record, rootKey: openRootKey(key, record), autoSeal: transit.seal(), logger });
    const watch = new SealWatch(keys, logger);
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    await watch.look();
    transit.version = 3;
    await watch.look();
    assert.equal((await config()).keyId, 'unseal:v2', 'it is not asked all the time');
    test.mock.timers.tick(11 * 60_000);
    await watch.look();
    assert.equal((await config()).keyId, 'unseal:v3');
    transit.failure = away();
    test.mock.timers.tick(11 * 60_000);
    await watch.look();
    transit.failure = undefined;
    await watch.look();
    const said = lines.join('');
    assert.match(said, /the server might not unseal again[\s\S]*connection refused[\s\S]*the seal works again/);

    // The recovery key is who it was, and an exchange of it asks the other server as well.
    await restart();
    const { nonce } = await core.rekeyRecovery.start({ shares: 1, threshold: 1 });
    transit.failure = away();
    await assert.rejects(core.rekeyRecovery.update(Uint8Array.from(recoveryShares[0] ?? []), nonce), /refused/);
    transit.failure = undefined;
    const again = await core.rekeyRecovery.start({ shares: 1, threshold: 1 });
    const fresh = await core.rekeyRecovery.update(Uint8Array.from(recoveryShares[0] ?? []), again.nonce);
    assert.equal(fresh?.length, 1);
    const root = await core.rekey.start({ shares: 1, threshold: 1 });
    assert.deepEqual(await core.rekey.update(Uint8Array.from(fresh?.[0] ?? []), root.nonce), []);
    await restart();
    assert.equal((await core.status()).sealed, false);
  });

  it('is not asked once it was closed by an operator', async () => {
    await core.init({ recovery: { shares: 1, threshold: 1 } });
    core.seal();
    await delay(50);
    const { asked } = transit;
    await assert.rejects(core.unseal(new Uint8Array(32)), /it was sealed since then: restart the server/);
    assert.equal(transit.asked, asked);
  });
});
