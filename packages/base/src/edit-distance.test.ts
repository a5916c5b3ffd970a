import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { didYouMean, editDistance } from './edit-distance.ts';

describe('editDistance', () => {
  it('counts what is inserted, removed and replaced', () => {
    for (const [a, b, expected] of [
      ['', '', 0],
      ['', 'abc', 3],
      ['read', 'raed', 2],
      ['kitten', 'sitting', 3],
    ] as const)
      assert.deepEqual([editDistance(a, b), editDistance(b, a)], [expected, expected]);
    assert.equal(editDistance('a'.repeat(101), 'a'.repeat(101)), Infinity);
  });
});

describe('didYouMean', () => {
  const commands = ['read', 'write', 'delete', 'list', 'login', 'lease', 'status'];

  it('finds one slip for three characters, two from five on, of which a swap is one', () => {
    for (const [typed, meant] of [
      ['raed', 'read'],
      ['wirte', 'write'],
      ['lsit', 'list'],
      ['deltee', 'delete'],
      ['dletee', 'delete'],
      ['stauts', 'status'],
      ['leases', 'lease'],
      ['wirt', 'write'],
      ['READ', 'read'],
      ['Staus', 'status'],
    ])
      assert.equal(didYouMean(typed ?? '', commands), `Did you mean "${meant}"?`);
    assert.equal(didYouMean('read', ['read']), undefined);
    assert.equal(didYouMean('formt', ['format'], '-'), 'Did you mean "-format"?');
  });

  it('finds nothing for other words, however short or long', () => {
    assert.equal(didYouMean('mysql-database-plugin', ['postgresql-database-plugin']), undefined);
    for (const typed of ['', 'l', 'kv', 'get', 'put', 'agent', 'a'.repeat(100_000)])
      assert.equal(didYouMean(typed, commands), undefined);
  });
});
