import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callerNetwork, cidrsAllow, cidrsWithin, commonCidrs, parseCidrs } from './cidr.ts';

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
      'fe80::1%eth0',
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
    for (const cidr of ['::/0', '::ffff:0:0/95', '::/8']) {
      const network = parseCidrs([cidr], 'f');
      for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201'])
        assert.ok(!cidrsAllow(network, address), `${address} in ${cidr}`);
      assert.ok(cidrsAllow(network, '::fffe:0:1'), cidr);
    }
    assert.ok(cidrsAllow(cidrs, '::ffff:10.0.0.1') && cidrsAllow(cidrs, '::ffff:a00:1'));
    assert.ok(cidrsAllow([], ''));
    assert.ok(cidrsAllow(parseCidrs(['0.0.0.0/0'], 'f'), '203.0.113.9'));
  });

  it('are so many at most, and the same in both forms of IPv4', () => {
    assert.throws(() => parseCidrs(Array<string>(257).fill('::1'), 'f'), /257 networks; the maximum is 256/);
    assert.deepEqual(parseCidrs(['::ffff:10.1.2.3', '::FFFF:10.0.0.0/104'], 'f'), ['10.1.2.3/32', '10.0.0.0/8']);
    const inHex = ['::ffff:a01:203', '0:0:0:0:0:FFFF:10.1.2.3', '0::ffff:0a00:0/104', '::ffff:0:0/96'];
    assert.deepEqual(parseCidrs(inHex, 'f'), ['10.1.2.3/32', '10.1.2.3/32', '10.0.0.0/8', '0.0.0.0/0']);
    assert.deepEqual(parseCidrs(['2001:0DB8:0::0:1', 'FD00::/8', '::ffff:0:0/95'], 'f'), [
      '2001:db8::1/128',
      'fd00::/8',
      '::ffff:0.0.0.0/95',
    ]);
    assert.ok(cidrsAllow(parseCidrs(['fe80::/10'], 'f'), 'fe80::1%eth0'));
  });

  it('lie within others, or do not', () => {
    const role = parseCidrs(['10.0.0.0/8', '192.168.1.7', 'fd00::/8'], 'f');
    const within = (...cidrs: string[]): boolean => cidrsWithin(parseCidrs(cidrs, 'f'), role);
    assert.ok(within('10.0.0.0/8') && within('10.255.0.0/16', 'fd12::/16') && within('192.168.1.7'));
    for (const cidr of ['0.0.0.0/0', '11.0.0.0/8', '192.168.1.6/31', 'fc00::/7', '::/0'])
      assert.ok(!within(cidr), cidr);
    assert.ok(!within('10.0.0.1', '11.0.0.1'));
    // Nothing is bound to an empty list.
    assert.ok(!within() && cidrsWithin([], []) && cidrsWithin(role, []));
  });

  it('have in common what both allow', () => {
    const common = (a: string[], b: string[]) => commonCidrs(parseCidrs(a, 'f'), parseCidrs(b, 'f'));
    assert.deepEqual(common(['10.0.0.0/8'], ['10.1.0.0/16', '11.0.0.0/8']), ['10.1.0.0/16']);
    assert.deepEqual(common(['10.1.0.0/16', 'fd00::/8'], ['0.0.0.0/0', 'fd12::/16']), ['10.1.0.0/16', 'fd12::/16']);
    assert.deepEqual(common(['10.0.0.0/8'], ['10.0.0.0/8']), ['10.0.0.0/8']);
    assert.equal(common(['10.0.0.0/8'], ['11.0.0.0/8']), undefined);
    assert.equal(common(['0.0.0.0/0'], ['::/0']), undefined);
    assert.deepEqual(common([], ['::1']), ['::1/128']);
    assert.deepEqual(common(['::1'], []), ['::1/128']);
    assert.deepEqual(common([], []), []);
  });
});

describe('the network of a caller', () => {
  it('is the address, and for IPv6 its /64, however that is written', () => {
    const cases: readonly [string, string][] = [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:0DB8:1:2::6', '2001:db8:1:2::/64'],
      ['2001:db8:1::', '2001:db8:1:0::/64'],
      ['2001:db8::5', '2001:db8:0:0::/64'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64'],
      ['::1', '0:0:0:0::/64'],
      ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
      ['', ''],
    ];
    for (const [address, network] of cases) assert.equal(callerNetwork(address), network, address);
  });
});
