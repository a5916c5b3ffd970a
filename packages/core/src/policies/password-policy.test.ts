import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_PASSWORD_POLICY, generatePassword, parsePasswordPolicy } from './password-policy.ts';

const STRONG = `length = 24
rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 4 }
rule "charset" { charset = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" min-chars = 4 }
rule "charset" { charset = "0123456789" min-chars = 4 }`;

describe('password policies', () => {
  it('are met by every password', () => {
    const policy = parsePasswordPolicy(STRONG);
    for (let i = 0; i < 200; i++) {
      const password = generatePassword(policy);
      assert.equal(password.length, 24);
      for (const { charset, minChars } of policy.rules) {
        assert.ok([...password].filter((each) => charset.includes(each)).length >= minChars, password);
      }
    }
  });

  it('have a default like Vault: 20 characters of four kinds', () => {
    assert.match(generatePassword(DEFAULT_PASSWORD_POLICY), /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*-)[a-zA-Z\d-]{20}$/);
  });

  it('draw the characters evenly', () => {
    const counts = new Map<string, number>();
    const policy = parsePasswordPolicy('length = 100\nrule "charset" { charset = "abcd" }');
    for (let i = 0; i < 200; i++) {
      for (const character of generatePassword(policy)) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    // 20,000 draws of four: 5,000 each, standard deviation 61; 500 off would be one in 10^15.
    for (const count of counts.values()) assert.ok(Math.abs(count - 5000) < 500, String(count));
  });

  it('tell which keys mean nothing', () => {
    const policy = parsePasswordPolicy('length = 20 colour = 1\nrule "charset" { charset = "abc" min_chars = 1 }');
    assert.deepEqual(policy.ignored, ['colour', 'min_chars']);
    assert.deepEqual(parsePasswordPolicy(STRONG).ignored, []);
  });

  it('count characters, not halves of them', () => {
    const policy = parsePasswordPolicy('length = 10 rule "charset" { charset = "😀é" min-chars = 10 }');
    assert.match(generatePassword(policy), /^[😀é]{10}$/u);
  });

  it('that cannot be met are refused with the line', () => {
    const cases = [
      ['rule "charset" { charset = "a" }', /"length" is missing/],
      ['length = 4\nrule "charset" { charset = "a" min-chars = 5 }', /ask for 5 characters/],
      ['length = 10', /at least one rule/],
      ['length = 10\nrule "charset" { charset = "" }', /2:.*"charset" is missing or empty/],
      ['length = 10\nrule "words" { charset = "a" }', /rule "words" is not known/],
      ['length = 2\nrule "charset" { charset = "a" }', /from 4 to 100/],
      ['length = 101\nrule "charset" { charset = "a" }', /from 4 to 100/],
      ['length = "20"\nrule "charset" { charset = "a" }', /1:10: "length" must be a number/],
      ['length = 10\nrule "charset" { charset = "a\\tb" }', /printable/],
      ['{"length": 10, "rule": {"charset": {"charset": "ab"}} "rule": {}}', /expected , or }/],
      [`length = 10 # ${'x'.repeat(70_000)}`, /65536 at most/],
    ] as const;
    for (const [text, message] of cases) assert.throws(() => parsePasswordPolicy(text), message, text);
  });
});
