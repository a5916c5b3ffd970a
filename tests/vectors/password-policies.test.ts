/** Vault's own answers about password policies (README.md). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { generatePassword, type PasswordPolicy, parsePasswordPolicy } from '@coffer/core';
import { vectorsOf } from './vectors.ts';

interface PasswordPolicyVector {
  readonly policy: string;
  readonly length?: number | null;
  readonly alphabet?: string | null;
  readonly refused?: true;
}

function parsed(text: string): PasswordPolicy | undefined {
  try {
    return parsePasswordPolicy(text);
  } catch (thrown) {
    assert.ok(isCofferError(thrown, 'invalid-request'), String(thrown));
    return undefined;
  }
}

/** Of 500 passwords: enough that no character of some hundred is missing. */
function alphabetOf(policy: PasswordPolicy): string {
  const drawn = new Set<string>();
  for (let i = 0; i < 500; i++) for (const character of generatePassword(policy)) drawn.add(character);
  return [...drawn].sort((a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0)).join('');
}

describe('password policies agree with Vault', () => {
  /** On purpose: where Vault draws until its time is up and gives none, a password is put together that meets the rules. */
  it('about every policy, and make a password where Vault finds none', () => {
    let found = 0;
    for (const { policy: text, length, alphabet, refused } of vectorsOf<PasswordPolicyVector>('password-policies')) {
      const policy = parsed(text);
      assert.equal(policy === undefined, refused === true, text);
      if (policy === undefined) continue;
      const password = generatePassword(policy);
      assert.equal([...password].length, policy.length);
      for (const { charset, minChars } of policy.rules) {
        assert.ok([...password].filter((each) => charset.includes(each)).length >= minChars, text);
      }
      if (length === null) {
        found++;
        continue;
      }
      assert.equal(policy.length, length, text);
      assert.equal(alphabetOf(policy), alphabet, text);
    }
    assert.ok(found > 0);
  });
});
