import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Secret } from '@coffer/base';
import { hashPassword, verifyNobody, verifyPassword } from './password-hash.ts';

describe('password hashes', () => {
  it('know their password and no other, and are salted', async () => {
    const password = new Secret('pässword');
    const [one, two] = await Promise.all([hashPassword(password), hashPassword(password)]);
    assert.notEqual(one.key, two.key);
    assert.equal(await verifyPassword(one, password), true);
    assert.equal(await verifyPassword(one, new Secret('password')), false);
    assert.equal(await verifyPassword({ ...one, salt: two.salt }, password), false);
    assert.ok(!JSON.stringify(one).includes('ssword'));
  });

  it('keep to the parameters they were made with', async () => {
    const password = new Secret('p');
    const hash = await hashPassword(password);
    assert.equal(await verifyPassword({ ...hash, cost: hash.cost / 2 }, password), false);
  });

  it('let nobody in', async () => assert.equal(await verifyNobody(new Secret('p')), false));
});
