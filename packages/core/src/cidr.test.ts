import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cidrsAllow, parseCidrs } from './cidr.ts';

describe('networks', () => {
  it('are kept with a prefix, addresses as networks of one', () => {
    assert.deepEqual(parseCidrs(['10.0.0.0/8', ' 192.168.1.7 ', 'fd00::/8', '::1'], 'f'), [
      '10.0.0.0/8',
      '192.168.1.7/32',
      'fd00::/8',
      '::1/128',
    ]);
  });

  it('that are none are refused by name', () => {
    for (const text of [
      '',
      'host',
      '10.0.0.0/33',
      '10.0.0/8',
      'fd00::/129',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      '10.0.0.0/-1',
    ]) {
      assert.throws(() => parseCidrs([text], 'token_bound_cidrs'), {
        code: 'invalid-request',
        message: /token_bound_cidrs/,
      });
    }
  });

  it('allow what lies in one of them', () => {
    const cidrs = parseCidrs(['10.0.0.0/8', '192.168.1.7', 'fd00::/8'], 'f');
    for (const address of ['10.255.0.1', '192.168.1.7', 'fd12::3']) assert.ok(cidrsAllow(cidrs, address), address);
    for (const address of ['11.0.0.1', '192.168.1.8', 'fe80::1', '', 'unix'])
      assert.ok(!cidrsAllow(cidrs, address), address);
    assert.ok(cidrsAllow([], ''));
    assert.ok(cidrsAllow(parseCidrs(['0.0.0.0/0'], 'f'), '203.0.113.9'));
  });
});
