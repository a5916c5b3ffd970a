import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { isPrintable, lowerCase, upperCase } from './unicode.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Every character, in order. */
const ALL = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

/** Expected: what Go's strings.ToUpper and ToLower make of all characters, and which ones its strconv.IsPrint takes. */
describe('characters, as Go knows them', () => {
  it('have the upper case of Go, every single one', () => {
    assert.equal(sha256(upperCase(ALL.join(''))), 'e53032f7945c39d39df0f06015707fcf9f669dc42b5b7caa31f07080e176a017');
  });
  it('have the lower case of Go, every single one', () => {
    assert.equal(sha256(lowerCase(ALL.join(''))), '137590953b837f1ec8b7c02b3a0425d0789df789a59ad256e7a63416f9fc4c11');
  });
  it('are printable where they are in Go', () => {
    assert.equal(
      sha256(ALL.filter(isPrintable).join('')),
      '092ac4a79b54597be48c18b81470e18e593c41fcb38b08c529c8f829ca01cc9a',
    );
  });
  it('are mapped one by one', () => {
    assert.equal(lowerCase('İSTANBUL ΑΣ ẞ ǅ'), 'istanbul ασ ß ǆ');
    assert.equal(upperCase('straße ŉ ﬁ ǰ ı ς ǆ ᾳ'), 'STRAßE ŉ ﬁ ǰ I Σ Ǆ ᾼ');
  });
});
