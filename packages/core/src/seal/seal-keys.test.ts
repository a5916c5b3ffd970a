import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CofferError, silentLogger } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { checkKeyRotation, KEY_ROTATION_DEFAULT, rotationReason } from './key-rotation.ts';
import { createKeyring, withEncryptions } from '../barrier/keyring.ts';
import { SealKeys, type SealKeysParts } from './seal-keys.ts';
import { createSealRows, sealKeyring, sealRootKey, type SealRows } from './seal-rows.ts';

describe('the keys of an open seal', () => {
  const rootKey = new Uint8Array(32).fill(7);
  let store: Store;
  let rows: SealRows;
  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    rows = createSealRows(store);
  });
  afterEach(() => store.close());

  /** Whose key was used so often already. */
  async function keysUsed(encryptions: number, others?: SealKeysParts['others']): Promise<SealKeys> {
    const config = { type: 'shamir', shares: 1, threshold: 1 } as const;
    const record = await rows.create({
      config,
      rootKey: sealRootKey(new Uint8Array(32), config, rootKey),
      keyring: sealKeyring(rootKey, withEncryptions(createKeyring(), encryptions)),
    });
    const parts = { rows, record, rootKey: Uint8Array.from(rootKey), logger: silentLogger };
    return new SealKeys({ ...parts, ...(others && { others }) });
  }

  /** As a process finds them that starts after this one was killed. */
  async function reopened(): Promise<SealKeys> {
    const record = await rows.read();
    assert.ok(record);
    return new SealKeys({ rows, record, rootKey: Uint8Array.from(rootKey), logger: silentLogger });
  }

  it('rotate before AES-GCM becomes weak', async () => {
    const keys = await keysUsed(KEY_ROTATION_DEFAULT.maxOperations - 1);
    const before = keys.barrier.seal('row', { value: 1 });
    assert.ok(KEY_ROTATION_DEFAULT.maxOperations < 2 ** 32);
    await keys.tend(KEY_ROTATION_DEFAULT);
    assert.deepEqual([keys.status.term, keys.status.encryptions], [2, 0]);
    await keys.tend(KEY_ROTATION_DEFAULT);
    assert.equal(keys.status.term, 2);
    assert.deepEqual((await reopened()).barrier.open('row', before), { value: 1 });
  });

  it('install a key that they do not use while another node does not follow', async () => {
    const silent = new CofferError('unavailable', 'the node b does not follow');
    const others = { areOpen: async () => true, haveSeen: () => Promise.reject(silent) };
    const keys = await keysUsed(0, others);
    for (let n = 0; n < 2; n++) await assert.rejects(keys.rotate(), silent);
    assert.equal(keys.status.term, 1);
    const later = await reopened();
    const value = keys.barrier.seal('row', { value: 1 });
    await later.rotate();
    assert.equal(later.status.term, 2);
    await keys.follow();
    assert.deepEqual(keys.barrier.open('row', later.barrier.seal('row', { value: 2 })), { value: 2 });
    assert.deepEqual(later.barrier.open('row', value), { value: 1 });
    await keys.rotate(1);
    assert.equal(keys.status.term, 2, 'that term was replaced already');
  });

  it('lose little of the count when the process is killed', async () => {
    const keys = await keysUsed(0);
    for (let n = 0; n < 9_999; n++) keys.barrier.seal('row', {});
    await keys.tend(KEY_ROTATION_DEFAULT);
    assert.equal((await reopened()).status.encryptions, 0);
    keys.barrier.seal('row', {});
    await keys.tend(KEY_ROTATION_DEFAULT);
    assert.equal((await reopened()).status.encryptions, 10_000);
    keys.barrier.seal('row', {});
    await keys.forget();
    assert.equal((await reopened()).status.encryptions, 10_001);
  });
});

describe('when a key is rotated', () => {
  const key = { term: 1, installTime: 0, encryptions: 1_000_000 };
  const day = 24 * 3600;

  it('is told by use and age, unless it is turned off', () => {
    const config = { enabled: true, maxOperations: 1_000_001, interval: day };
    assert.equal(rotationReason(key, config, day * 1000 - 1), undefined);
    assert.match(rotationReason(key, config, day * 1000) ?? '', /older/);
    assert.match(rotationReason(key, { ...config, maxOperations: 1_000_000 }, 0) ?? '', /used 1000000 times/);
    assert.equal(rotationReason(key, { enabled: false, maxOperations: 1, interval: 1 }, 1e12), undefined);
    assert.equal(rotationReason(key, { ...config, interval: 0 }, 1e12), undefined);
  });

  it('keeps to the limits of Vault, in its words', () => {
    const change = (part: Partial<typeof KEY_ROTATION_DEFAULT>) => () =>
      checkKeyRotation({ ...KEY_ROTATION_DEFAULT, ...part });
    assert.throws(change({ interval: day - 1 }), { message: 'interval must be greater or equal to 24h0m0s' });
    const range = { message: 'max_operations must be in the range [1000000,3865470566]' };
    assert.throws(change({ maxOperations: 999_999 }), range);
    assert.throws(change({ maxOperations: 3_865_470_567 }), range);
    change({ interval: day, maxOperations: 1_000_000 })();
    change({ interval: 0 })();
  });
});
