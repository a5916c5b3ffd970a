/** What `npm run bench -- nodes` compares its rates with. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundOf, type Load } from '../scripts/bench/nodes-bound.ts';
import { readPage } from './documentation.ts';

const LOAD: Load = {
  ...{ clients: 64, nodes: 1, delayMs: 5, pools: { store: 1000, target: 1000 } },
  ...{ trips: [3, 1], seen: [3, 1] },
};
const bound = (changes: Partial<Load>): string => {
  const { rate, cap } = boundOf({ ...LOAD, ...changes }) ?? assert.fail('no bound');
  return `${Math.round(rate)} by ${cap}`;
};

describe('what round trips allow', () => {
  it('is one request for each client in as long as its round trips take', () => {
    assert.equal(bound({}), '3200 by clients');
    assert.equal(bound({ clients: 1, delayMs: 20 }), '13 by clients');
    assert.equal(bound({ trips: [1, 0], seen: [1, 0] }), '12800 by clients');
  });

  it('is no more than the connections of all nodes carry', () => {
    assert.equal(bound({ pools: { store: 10, target: 1000 } }), '667 by store pool');
    assert.equal(bound({ pools: { store: 10, target: 1000 }, nodes: 3 }), '2000 by store pool');
    assert.equal(bound({ pools: { store: 1000, target: 4 } }), '800 by target pool');
    assert.equal(bound({ pools: { store: 1000, target: 4 }, trips: [1, 0], seen: [1, 0] }), '12800 by clients');
  });

  it('is more where requests share round trips, and no less where nodes make some of their own', () => {
    assert.equal(bound({ pools: { store: 1000, target: 4 }, seen: [3, 0.5] }), '1600 by target pool');
    assert.equal(bound({ pools: { store: 10, target: 1000 }, seen: [6, 1] }), '667 by store pool');
  });

  it('is no more than the processors do without a delay, and nothing but that then', () => {
    assert.equal(bound({ undelayed: 500 }), '500 by processor');
    assert.equal(bound({ undelayed: 5000 }), '3200 by clients');
    assert.equal(boundOf({ ...LOAD, delayMs: 0 }), undefined);
  });
});

describe('the tables that benches write', () => {
  for (const name of [
    'server',
    'profile',
    'growth',
    'memory',
    'plugin',
    'start',
    'audit',
    'metrics',
    'hostile',
    'snapshot',
    'nodes',
    'rows',
  ]) {
    it(`have a place in docs/benchmarks.md: ${name}`, () => {
      assert.match(
        readPage('docs/benchmarks.md'),
        new RegExp(`<!-- measured: ${name} [^>]*-->\\n[\\s\\S]*?<!-- /measured -->`),
      );
    });
  }
});
