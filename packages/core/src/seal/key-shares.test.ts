import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { checkShare, combineShares, parseShare, ShareCollection, splitKey, withShare } from './key-shares.ts';

const refused = (message: string) => ({ code: 'invalid-request', message });

describe('a key share', () => {
  it('has 16 to 33 bytes, in Vault’s words', () => {
    for (const length of [16, 24, 32, 33]) checkShare(new Uint8Array(length));
    for (const length of [0, 1, 15]) {
      assert.throws(() => checkShare(new Uint8Array(length)), refused('key is shorter than minimum 16 bytes'));
    }
    for (const length of [34, 64, 4096]) {
      assert.throws(() => checkShare(new Uint8Array(length)), refused('key is longer than maximum 33 bytes'));
    }
  });

  it('is read from hexadecimal and base64, with space around it', () => {
    for (const length of [16, 32, 33]) {
      const share = randomBytes(length);
      for (const text of [share.toString('hex'), share.toString('hex').toUpperCase(), share.toString('base64')]) {
        assert.deepEqual(Buffer.from(parseShare(` ${text}\n`)), share, text);
      }
    }
  });

  it('is base64 where hexadecimal would make none', () => {
    // Twelve bytes as hexadecimal, eighteen as base64.
    const text = 'abcdef0123456789abcdef01';
    assert.deepEqual(Buffer.from(parseShare(text)), Buffer.from(text, 'base64'));
  });

  it('is nothing else, and no long text is worked on', () => {
    const invalid = refused("'key' must be a valid hex or base64 string");
    for (const text of ['', ' ', 'a', 'not base64!', 'YWJj=', '====', 'ab\ncd', 'äöüß']) {
      assert.throws(() => parseShare(text), invalid, text);
    }
    for (const text of ['a'.repeat(257), ' '.repeat(1_000_000)]) {
      assert.throws(() => parseShare(text), refused('key is longer than maximum 33 bytes'));
    }
  });

  it('is wiped when the work with it is over, whichever way', async () => {
    let seen: Uint8Array = Buffer.of();
    const text = randomBytes(33).toString('hex');
    await withShare(text, async (share) => void (seen = share));
    assert.deepEqual(Buffer.from(seen), Buffer.alloc(33));
    const failing = withShare(text, async (share) => {
      seen = share;
      throw new Error('no');
    });
    await assert.rejects(failing, /no/);
    assert.deepEqual(Buffer.from(seen), Buffer.alloc(33));
  });

  it('that can be none leaves those of the others as they are', async () => {
    const key = randomBytes(32);
    const shares = await splitKey(key, { shares: 3, threshold: 2 });
    const collection = new ShareCollection();
    assert.equal(collection.add(shares[0] ?? Buffer.of()), true);
    assert.equal(collection.add(Uint8Array.from(shares[0] ?? [])), false);
    for (const length of [1, 15, 34]) assert.throws(() => collection.add(new Uint8Array(length)), /key is/);
    assert.equal(collection.progress, 1);
    collection.add(shares[2] ?? Buffer.of());
    assert.deepEqual(await collection.withKey(async (made) => Buffer.from(made)), key);
    assert.equal(collection.progress, 0);
  });

  it('alone is a copy of the key', async () => {
    const key = randomBytes(32);
    const [share = Buffer.of()] = await splitKey(key, { shares: 1, threshold: 1 });
    key.fill(0);
    assert.notDeepEqual(Buffer.from(share), Buffer.alloc(32));
    assert.deepEqual(await combineShares([share]), share);
  });
});
