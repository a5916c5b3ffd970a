import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createKeyring,
  keyringFromBytes,
  keyringToBytes,
  wipeKeyring,
  withEncryptions,
  withNextTerm,
} from './keyring.ts';

describe('the keyring at rest', () => {
  const keyring = withEncryptions(withNextTerm(createKeyring()), 3_865_470_566);

  it('is read as it was written, with keys of its own', () => {
    const bytes = keyringToBytes(keyring);
    const read = keyringFromBytes(bytes);
    bytes.fill(0);
    assert.deepEqual([read.activeTerm, [...read.keys.keys()]], [2, [1, 2]]);
    for (const [term, entry] of keyring.keys)
      assert.deepEqual(read.keys.get(term), { ...entry, key: Uint8Array.from(entry.key) });
    assert.deepEqual(Buffer.from(read.hmacKey), Buffer.from(keyring.hmacKey));
  });

  it('is no text: no key is in it as base64 or hexadecimal', () => {
    const bytes = keyringToBytes(keyring);
    for (const key of [keyring.hmacKey, ...[...keyring.keys.values()].map((entry) => entry.key)]) {
      assert.equal(bytes.includes(Buffer.from(key).toString('base64')), false);
      assert.equal(bytes.includes(Buffer.from(key).toString('hex')), false);
    }
  });

  it('is read in the form that it had before', () => {
    const base64 = (key: Uint8Array) => Buffer.from(key).toString('base64');
    const keys = [...keyring.keys].map(([term, { key, ...rest }]) => ({ term, key: base64(key), ...rest }));
    const before = JSON.stringify({ active_term: 2, hmac_key: base64(keyring.hmacKey), keys });
    const read = keyringFromBytes(Buffer.from(before));
    assert.deepEqual(keyringToBytes(read), keyringToBytes(keyring));
    assert.throws(() => keyringFromBytes(Buffer.of(2)), /unknown format 2/);
  });

  it('holds nothing when it is wiped', () => {
    const wiped = withNextTerm(createKeyring());
    wipeKeyring(wiped);
    for (const key of [wiped.hmacKey, ...[...wiped.keys.values()].map((entry) => entry.key)]) {
      assert.ok(key.every((byte) => byte === 0));
    }
  });
});
