import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NodeList } from './node-list.ts';
import type { ClusterNode } from './topology.ts';

const node = (key: string): ClusterNode => ({
  key,
  host: key,
  port: 5433,
  type: 'primary',
  cloud: 'c',
  region: 'r',
  zone: 'z',
  publicIp: '',
});

describe('NodeList', () => {
  it('remembers for a while who was named and is not any more', (test) => {
    test.mock.timers.enable({ apis: ['Date'] });
    const list = new NodeList();
    const [a, b, c] = [node('a'), node('b'), node('c')];
    assert.ok(list.isOlderThan(600));
    list.update([a, b, c]);
    assert.deepEqual([list.isOlderThan(1), list.missing], [false, []]);
    test.mock.timers.tick(1_000);
    assert.ok(list.isOlderThan(1));
    list.update([a]);
    assert.deepEqual([list.current, list.missing], [[a], [b, c]]);
    test.mock.timers.tick(14 * 60_000);
    list.update([a, c]);
    assert.deepEqual([list.missing, list.find('b')], [[b], b]);
    test.mock.timers.tick(2 * 60_000);
    assert.deepEqual([list.missing, list.find('b'), list.find('c')], [[], undefined, c]);
  });

  it('is what was answered to the latest question, whichever answer comes last', () => {
    const list = new NodeList();
    const [a, b] = [node('a'), node('b')];
    const [first, second, third] = [list.ask(), list.ask(), list.ask()];
    list.update([a, b], second);
    list.update([a], first);
    assert.deepEqual([list.current, list.missing], [[a, b], []]);
    list.update([b], third);
    assert.deepEqual([list.current, list.missing], [[b], [a]]);
  });
});
