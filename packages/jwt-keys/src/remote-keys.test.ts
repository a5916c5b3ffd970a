import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { CofferError } from '@coffer/base';
import { RemoteKeys } from './remote-keys.ts';

function issuer() {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = 'same';
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode({ alg: 'ES256', kid })}.${encode({ sub: 'x' })}`;
  const signature = sign('sha256', Buffer.from(text), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  const set = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid }] };
  return { token: `${text}.${signature.toString('base64url')}`, set };
}

const refused = (error: unknown): boolean => error instanceof CofferError && error.code === 'invalid-request';

describe('keys that an issuer publishes', () => {
  it('are fetched once for all who come together, and again for a token that none of them verifies', async () => {
    const [one, other] = [issuer(), issuer()];
    let [loads, published] = [0, one.set];
    const keys = new RemoteKeys({ load: async () => (loads++, published), pauseMs: 20 });
    await Promise.all(Array.from({ length: 50 }, () => keys.verify(one.token, ['ES256'])));
    assert.equal(loads, 1);
    published = other.set;
    await keys.verify(one.token, ['ES256']);
    assert.equal(loads, 1);
    await Promise.all(Array.from({ length: 50 }, () => keys.verify(other.token, ['ES256'])));
    assert.equal(loads, 2);
    await assert.rejects(keys.verify(one.token, ['ES256']), refused);
  });

  it('are fetched no more often than the pause allows, whatever is sent', async () => {
    const [one, stranger] = [issuer(), issuer()];
    let loads = 0;
    const keys = new RemoteKeys({ load: async () => (loads++, one.set), pauseMs: 100 });
    const began = performance.now();
    for (let round = 0; round < 3; round++) {
      const attempts = Array.from({ length: 50 }, () =>
        assert.rejects(keys.verify(stranger.token, ['ES256']), refused),
      );
      await Promise.all(attempts);
    }
    assert.ok(loads <= 1 + Math.ceil((performance.now() - began) / 100), `${loads} fetches`);
  });

  it('are asked for by no token that cannot be good', async () => {
    const keys = new RemoteKeys({ load: () => assert.fail('asked') });
    for (const token of ['', 'x', 'a.b.c', issuer().token])
      await assert.rejects(keys.verify(token, ['RS256']), refused);
  });

  it('count no longer than their age, and a failure to fetch them is no verdict', async () => {
    const one = issuer();
    let published: object | undefined = one.set;
    const load = async () => published ?? Promise.reject(new CofferError('failed', 'away'));
    const keys = new RemoteKeys({ load, pauseMs: 0, maxAgeMs: 30 });
    await keys.verify(one.token, ['ES256']);
    published = undefined;
    await keys.verify(one.token, ['ES256']);
    await new Promise((resolve) => setTimeout(resolve, 40));
    await assert.rejects(keys.verify(one.token, ['ES256']), /away/);
    published = one.set;
    await keys.verify(one.token, ['ES256']);
  });
});
