import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ExactNumber } from '@coffer/base';
import { createHash, elideList, hashData } from './hash.ts';

const mark = (value: string): string => `#${value}`;

describe('hashes', () => {
  it('are HMAC-SHA256 under the salt', () => {
    // echo -n 'what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe (RFC 4231, test case 2)
    const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    assert.equal(createHash('Jefe')('what do ya want for nothing?'), `hmac-sha256:${expected}`);
  });

  it('stand for strings only, at any depth', async () => {
    const exact = new ExactNumber('1.50');
    const data = {
      a: 'x',
      n: 5,
      e: exact,
      b: true,
      z: null,
      l: ['y', 1, ['z']],
      o: { deep: [{ er: 'w' }] },
      empty: '',
    };
    const hashed = await hashData(data, mark);
    assert.equal(
      JSON.stringify(hashed),
      '{"a":"#x","n":5,"e":1.50,"b":true,"z":null,"l":["#y",1,["#z"]],"o":{"deep":[{"er":"#w"}]},"empty":"#"}',
    );
    assert.equal(data.l[0], 'y', 'the data itself stays');
  });

  it('leave names and times in the open, and nothing that only looks like a time', async () => {
    const times = { at: '2026-01-02T03:04:05Z', exact: '2026-01-02T03:04:05.123456789+02:00' };
    assert.deepEqual({ ...(await hashData(times, mark)) }, times);
    for (const no of [
      '2026-01-02',
      '2026-13-02T03:04:05Z',
      '2026-01-02T03:04:05Z ',
      'x2026-01-02T03:04:05Z',
      '1700000000',
    ]) {
      assert.equal((await hashData({ no }, mark))['no'], `#${no}`);
    }
  });

  it('leave in the open what stands under an open name, but not what stands deeper under another', async () => {
    const data = { open: ['a', ['b']], not: 'c', nested: { open: 'd', not: { open: 'e' } }, other: { not: 'f' } };
    const hashed = JSON.stringify(await hashData({ ...data, open2: { inside: 'g' } }, mark, ['open', 'open2']));
    assert.equal(
      hashed,
      '{"open":["a",["b"]],"not":"#c","nested":{"open":"d","not":{"open":"e"}},"other":{"not":"#f"},"open2":{"inside":"#g"}}',
    );
  });

  it('are made of names that objects have by themselves, too', async () => {
    const data = JSON.parse('{"__proto__": "x", "toString": "y", "constructor": {"name": "z"}}') as Record<
      string,
      string
    >;
    assert.equal(
      JSON.stringify(await hashData(data, mark)),
      '{"__proto__":"#x","toString":"#y","constructor":{"name":"#z"}}',
    );
  });

  it('of very many strings let others have their turn', async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    await hashData({ keys: Array.from({ length: 50_000 }, (_, index) => `name-${index}`) }, createHash('salt'));
    clearInterval(counting);
    assert.ok(turns > 5, `${turns} turns`);
  });
});

describe('a list that is elided', () => {
  it('has counts in place of names', () => {
    assert.deepEqual(elideList({ keys: ['a', 'b'], key_info: { a: {}, b: {} }, other: 'x' }), {
      ...{ keys: 2, key_info: 2, other: 'x' },
    });
    assert.deepEqual(elideList({ keys: 'odd' }), { keys: 'odd' });
  });
});
