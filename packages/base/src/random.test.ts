/** What is drawn from the stock is as good as what node:crypto gives. Chance crosses its bounds less than once in 10^12 runs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fewRandomBytes, randomBase62, randomFrom, randomIndex } from './random.ts';

/** Larger than the stock, by far. */
const DRAWS = 200_000;
const ROUNDS = 30;

/** How far counts are from even ones: about as many as there are, and seldom more than twice their root away. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, each) => sum + each, 0) / counts.length;
  return counts.reduce((sum, each) => sum + (each - expected) ** 2 / expected, 0);
}

function assertEven(counts: readonly number[]): void {
  const freedom = counts.length - 1;
  // Near enough to a normal distribution of this mean and deviation, whose tail is left far behind.
  const bound = freedom + 10 * Math.sqrt(2 * freedom) + 50;
  const found = chiSquare(counts);
  assert.ok(found < bound, `${found} for ${freedom}, of ${counts.join(' ')}`);
}

function counted(kinds: number, draw: () => number, draws = DRAWS): number[] {
  const counts = Array.from({ length: kinds }, () => 0);
  for (let n = 0; n < draws; n++) {
    const at = draw();
    assert.ok(Number.isInteger(at) && at >= 0 && at < kinds, `${at} of ${kinds}`);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

describe('randomIndex', () => {
  it('draws each number as often as the others, whether or not it divides what a byte can be', () => {
    for (const limit of [2, 3, 10, 62, 100, 129, 200, 255, 256, 257, 1_000]) {
      assertEven(counted(limit, () => randomIndex(limit)));
    }
    assert.deepEqual(
      counted(1, () => randomIndex(1)),
      [DRAWS],
    );
  });

  it('draws one whatever came before', () => {
    let last = 0;
    const pairs = counted(62 * 62, () => {
      const next = randomIndex(62);
      const pair = last * 62 + next;
      last = next;
      return pair;
    });
    assertEven(pairs);
  });

  it('takes limits as large as node:crypto does', () => {
    const limit = 2 ** 48 - 1;
    const halves = counted(2, () => Math.floor((randomIndex(limit) / limit) * 2), 2_000);
    assertEven(halves);
    for (const none of [2 ** 48 + 1, 0, -1]) assert.throws(() => randomIndex(none), { code: 'ERR_OUT_OF_RANGE' });
  });
});

describe('fewRandomBytes', () => {
  it('gives as many as are asked for, each time others, also across the end of the stock', () => {
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const count of [8, 12, 16, 32, 1_000, 4_096, 4_104, 20_000]) {
        const bytes = fewRandomBytes(count);
        assert.equal(bytes.length, count);
        for (let at = 0; at + 8 <= count; at += 8) seen.add(bytes.toString('hex', at, at + 8));
      }
    }
    assert.equal(seen.size, ROUNDS * ((8 + 8 + 16 + 32 + 1_000 + 4_096 + 4_104 + 20_000) / 8));
  });

  it('gives every byte as often as the others, in every place', () => {
    const counts = Array.from({ length: 256 }, () => 0);
    for (let draw = 0; draw < DRAWS / 12; draw++) {
      for (const byte of fewRandomBytes(12)) counts[byte] = (counts[byte] ?? 0) + 1;
    }
    assertEven(counts);
  });

  it('gives memory that nobody else has', () => {
    const [first, second] = [fewRandomBytes(16), fewRandomBytes(16)];
    const before = second.toString('hex');
    assert.notEqual(first.buffer, second.buffer);
    assert.deepEqual([first.buffer.byteLength, second.buffer.byteLength], [16, 16]);
    first.fill(0);
    assert.equal(second.toString('hex'), before);
    assert.ok(fewRandomBytes(16).some((byte) => byte !== 0));
  });
});

describe('texts', () => {
  it('are drawn evenly from their alphabet', () => {
    const alphabet = 'abcdefghijklm-_.';
    const text = randomFrom(alphabet, DRAWS);
    assert.equal(text.length, DRAWS);
    assertEven([...alphabet].map((each) => text.split(each).length - 1));
    const base62 = randomBase62(DRAWS);
    assert.match(base62, /^[0-9A-Za-z]+$/);
    const kinds = new Map<string, number>();
    for (const each of base62) kinds.set(each, (kinds.get(each) ?? 0) + 1);
    assert.equal(kinds.size, 62);
    assertEven([...kinds.values()]);
  });

  it('are empty, or of one character, where nothing else is possible', () => {
    assert.deepEqual([randomFrom('abc', 0), randomFrom('a', 3)], ['', 'aaa']);
  });
});
