import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { globMatches } from './glob.ts';

describe('globs', () => {
  it('fit as github.com/ryanuber/go-glob does', () => {
    const fits: readonly (readonly [string, string])[] = [
      ['', ''],
      ['*', ''],
      ['*', 'anything'],
      ['**', 'anything'],
      ['team-*', 'team-'],
      ['team-*', 'team-a'],
      ['*-team', 'a-team'],
      ['*a*', 'bab'],
      ['a*b*c', 'a-b-b-c'],
      ['a*a', 'aa'],
      ['*ab*ab', 'abab'],
      ['a.c', 'a.c'],
      ['a*', 'a\nb'],
      ['*\u{1f600}*', 'x\u{1f600}'],
    ];
    const misses: readonly (readonly [string, string])[] = [
      ['', 'a'],
      ['a', ''],
      ['team-*', 'team'],
      ['team-*', 'xteam-a'],
      ['*-team', 'a-teams'],
      ['a*a', 'a'],
      ['ab*ba', 'aba'],
      ['a*b*c', 'a-c-b'],
      ['*ab*ab', 'ab'],
      ['a.c', 'abc'],
      ['a?c', 'abc'],
      ['[ab]', 'a'],
      ['A*', 'ab'],
    ];
    for (const [pattern, text] of fits) assert.equal(globMatches(pattern, text), true, `${pattern} ${text}`);
    for (const [pattern, text] of misses) assert.equal(globMatches(pattern, text), false, `${pattern} ${text}`);
  });

  it('end, whatever the pattern: as a regular expression this one would not', () => {
    const text = '-'.repeat(100_000);
    assert.equal(globMatches(`${'*-'.repeat(5000)}x`, text), false);
    assert.equal(globMatches(`${'*-'.repeat(5000)}*`, text), true);
  });
});
