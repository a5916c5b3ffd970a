import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BalanceMode, parseTopologyKeys } from '../settings/balance.ts';
import { candidateGroups, type ClusterNode, leastLoaded, type NodeType } from './topology.ts';

function node(host: string, zone: string, type: NodeType = 'primary'): ClusterNode {
  return { key: `${host}:1`, host, port: 1, type, cloud: 'c', region: 'r', zone, publicIp: '' };
}
const NODES = [
  node('a', 'z1'),
  node('b', 'z2'),
  node('c', 'z3'),
  node('d', 'z1', 'read_replica'),
  node('e', 'z2', 'read_replica'),
];

function hosts(mode: BalanceMode, keys = '', topologyKeysOnly = false): string {
  const groups = candidateGroups(NODES, { mode, topologyKeys: parseTopologyKeys(keys), topologyKeysOnly });
  return groups.map((group) => group.map(({ host }) => host).join('')).join(' ');
}

describe('candidateGroups', () => {
  const cases: readonly (readonly [string, string])[] = [
    [hosts('any'), 'abcde'],
    [hosts('any', 'c.r.z2'), 'be acd'],
    [hosts('any', 'c.r.z2', true), 'be'],
    [hosts('any', 'c.r.z3:1,c.r.z1:3'), 'c ad be'],
    [hosts('any', 'c.r.z2:2'), 'be acd'],
    [hosts('any', 'c.r.*:10', true), 'abcde'],
    [hosts('any', 'c.x.z1', true), ''],
    [hosts('any', '', true), 'abcde'],
    [hosts('any', 'c.r.z1,c.r.z3'), 'acd be'],
    [hosts('only-primary'), 'abc'],
    [hosts('only-primary', 'c.r.z2'), 'b ac'],
    [hosts('only-primary', 'c.r.z2', true), 'b'],
    [hosts('only-rr', 'c.r.z3', true), ''],
    [hosts('only-rr', 'c.r.z3'), 'de'],
    [hosts('prefer-primary'), 'abc de'],
    [hosts('prefer-rr', 'c.r.z2', true), 'e d abc'],
  ];
  for (const [i, [actual, expected]] of cases.entries()) {
    it(`case ${i + 1}: ${expected}`, () => assert.equal(actual, expected));
  }
});

describe('leastLoaded', () => {
  it('takes the least, and draws among equals', () => {
    const load = (name: string): number => ({ a: 2, b: 1, c: 1 })[name] ?? 0;
    assert.equal(
      leastLoaded(['a', 'b', 'c'], load, () => 0),
      'b',
    );
    assert.equal(
      leastLoaded(['a', 'b', 'c'], load, () => 0.99),
      'c',
    );
    assert.equal(
      leastLoaded([], load, () => 0),
      undefined,
    );
  });
});
