import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Barrier } from './barrier.ts';
import { createKeyring } from './keyring.ts';

describe('barrier', () => {
  const barrier = new Barrier(createKeyring());
  const sealed = barrier.seal('entries/m/a', { password: 'p' });

  it('opens what it sealed, and never shows it', () => {
    assert.deepEqual(barrier.open('entries/m/a', sealed), { password: 'p' });
    assert.equal(Buffer.from(sealed).includes('password'), false);
    assert.notDeepEqual(barrier.seal('entries/m/a', { password: 'p' }), sealed);
  });

  it('names a row that was moved, altered or cut', () => {
    const altered = Buffer.from(sealed);
    altered[20] = (altered[20] ?? 0) ^ 1;
    assert.throws(() => barrier.open('entries/m/b', sealed), /entries\/m\/b/);
    assert.throws(() => barrier.open('entries/m/a', altered), /entries\/m\/a/);
    assert.throws(() => barrier.open('entries/m/a', sealed.subarray(0, 10)), /failed to decrypt row/);
    assert.throws(() => new Barrier(createKeyring()).open('entries/m/a', sealed), /failed to decrypt row/);
  });

  it('seals and opens nothing under keys that were wiped', () => {
    const keyring = createKeyring();
    const forgetful = new Barrier(keyring);
    const value = forgetful.seal('entries/m/a', { password: 'p' });
    forgetful.forget();
    assert.ok(keyring.hmacKey.every((byte) => byte === 0));
    for (const work of [
      () => forgetful.seal('entries/m/a', {}),
      () => forgetful.open('entries/m/a', value),
      () => forgetful.tokenId('root'),
    ]) {
      assert.throws(work, { code: 'sealed' });
    }
  });

  it('names a token by an HMAC that depends on the key', () => {
    assert.match(barrier.tokenId('root'), /^[0-9a-f]{64}$/);
    assert.equal(barrier.tokenId('root'), barrier.tokenId('root'));
    assert.notEqual(barrier.tokenId('root'), new Barrier(createKeyring()).tokenId('root'));
  });
});
