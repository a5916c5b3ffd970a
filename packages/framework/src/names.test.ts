import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkNames, cleanDisplayName, foldName, loggedName } from './names.ts';

describe('names', () => {
  it('fold one character at a time, so that a part folds as it does in the whole', () => {
    assert.equal(foldName('BoSS-1'), 'boss-1');
    assert.equal(foldName('\u212aim'), 'kim');
    assert.equal(foldName('ΑΣ'), 'ασ');
    assert.equal(foldName('ΑΣ') + foldName('Α'), foldName('ΑΣΑ'));
    assert.equal(foldName('İx'), 'ix');
    for (const name of ['İ', 'ẞ', 'Ω', '\u{10400}']) assert.equal(foldName(foldName(name)), foldName(name));
  });

  it('are so many, and so long, at most', () => {
    assert.deepEqual(checkNames(['a', 'b'.repeat(512)], 'f'), ['a', 'b'.repeat(512)]);
    assert.throws(() => checkNames(['b'.repeat(513)], 'allowed_roles'), /"allowed_roles": a name is longer than 512/);
    assert.throws(() => checkNames(Array<string>(1025).fill('a'), 'f'), /1025 names; the maximum is 1024/);
    assert.throws(() => checkNames(['a', 'b', 'c'], 'f', 2), /the maximum is 2/);
  });

  it('that are shown in user names keep letters, digits and dashes', () => {
    assert.equal(cleanDisplayName('token-a b";DROP--\n'), 'token-a-b--DROP---');
    assert.equal(cleanDisplayName('ana.b_c@x'), 'ana-b-c-x');
    assert.equal(cleanDisplayName('é\u{1f600}z'), '--z');
  });

  it('are printable and short in the log', () => {
    assert.equal(loggedName('ana "x" é'), 'ana "x" é');
    assert.equal(loggedName('a\nb\u001b[2J\u202ec\u2028'), 'a?b?[2J?c?');
    assert.equal(loggedName('n'.repeat(1000)).length, 64);
    assert.equal(loggedName(`${'n'.repeat(63)}\u{1f600}`).length, 64);
  });
});
