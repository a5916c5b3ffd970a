/** HashiCorp's HCL 1 about the same texts (README.md). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { type HclValue, parseHcl } from '@coffer/hcl';
import { vectorsOf } from './vectors.ts';

type Leaf = readonly [path: readonly string[], kind: string, value: string];
interface HclVector {
  readonly text: string;
  readonly value?: { readonly leaves: readonly Leaf[] };
  readonly refused?: true;
}

/**
 * On purpose: a text is UTF-8. HCL 1 makes a lone byte of `"\xe9"`, which no string here can hold and no path of a request
 * is equal to; it is refused. (`"\xc3\xa9"` is é for both.)
 */
function holdsBytes(leaves: readonly Leaf[]): boolean {
  const utf8 = (hex: string): boolean => {
    const bytes = Buffer.from(hex, 'hex');
    return bytes.equals(Buffer.from(bytes.toString('utf8'), 'utf8'));
  };
  return leaves.some(
    ([path, kind, value]) =>
      !path.every((key) => key.startsWith('#') || utf8(key)) || (kind === 'string' && !utf8(value)),
  );
}

const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

function leavesOf(value: HclValue, path: readonly string[] = []): Leaf[] {
  switch (value.kind) {
    case 'object':
      if (value.items.length === 0) return [[path, 'emptyobj', '']];
      return value.items.flatMap((item) => leavesOf(item.value, [...path, ...item.keys.map(hex)]));
    case 'list':
      if (value.values.length === 0) return [[path, 'emptylist', '']];
      return value.values.flatMap((each, index) => leavesOf(each, [...path, `#${index}`]));
    case 'number': {
      const bits = Buffer.alloc(8);
      bits.writeDoubleBE(value.value);
      return [[path, 'number', bits.toString('hex')]];
    }
    case 'bool':
      return [[path, 'bool', String(value.value)]];
    case 'string':
      return [[path, 'string', hex(value.value)]];
  }
}

function parsed(text: string): Leaf[] | undefined {
  try {
    return leavesOf(parseHcl(text));
  } catch (thrown) {
    assert.ok(isCofferError(thrown, 'invalid-request'), String(thrown));
    return undefined;
  }
}

describe('HCL agrees with HCL 1', () => {
  it('about every text but those that are not UTF-8', () => {
    let differences = 0;
    for (const { text, value } of vectorsOf<HclVector>('hcl')) {
      const bytes = value !== undefined && holdsBytes(value.leaves);
      if (bytes) differences++;
      assert.deepEqual(parsed(text), bytes ? undefined : value?.leaves, JSON.stringify(text));
    }
    assert.equal(differences, 2);
  });

  it('about more that its source says', () => {
    const accepted: readonly (readonly [string, Leaf[]])[] = [
      ['a = "\\xc3\\xa9"', [[['61'], 'string', 'c3a9']]],
      ['a = "\\ud800"', [[['61'], 'string', 'efbfbd']]],
      ['a=1b=2', leavesOf(parseHcl('a = 1\nb = 2'))],
      ['a = [,1,,2,]', leavesOf(parseHcl('a = [1, 2]'))],
      ['a = [1, 2,]', leavesOf(parseHcl('a = [1, 2]'))],
      ['a = [\n  "x",\n  "y", # last\n]', leavesOf(parseHcl('a = ["x", "y"]'))],
      ['a = [{ b = 1, }, { c = [2,], },]', leavesOf(parseHcl('a = [{ b = 1 }, { c = [2] }]'))],
      ['a = [,]', [[['61'], 'emptylist', '']]],
      ['a { b = 1, c = 2, },\nd = 3,', leavesOf(parseHcl('a {\n b = 1\n c = 2\n}\nd = 3'))],
      ['a = <<E\nx\nE\n, b = 1', leavesOf(parseHcl('a = "x\\n"\nb = 1'))],
      ['{"a": {"b": ["x",], "c": [,1,,],},}', leavesOf(parseHcl('{"a": {"b": ["x"], "c": [1]}}'))],
      ['a = [[1][2]]', leavesOf(parseHcl('a = [[1], [2]]'))],
      ['a = 9007199254740993', [[['61'], 'number', '4340000000000000']]],
      ['a =', [[[], 'emptyobj', '']]],
      [
        'a {} a {}',
        [
          [['61'], 'emptyobj', ''],
          [['61'], 'emptyobj', ''],
        ],
      ],
      ['a = <<E\nx\n  E\n', [[['61'], 'string', hex('x\n  ')]]],
      ['{"a" "b": ["1" "2"], "c": null}', leavesOf(parseHcl('a { b = ["1", "2"] } c = ""'))],
      ['{"a": [{"b": 1}, {"b": 2}]}', leavesOf(parseHcl('a { b = 1 } a { b = 2 }'))],
    ];
    for (const [text, leaves] of accepted) assert.deepEqual(parsed(text), leaves, text);
    const refused = [
      'a = 1\na = 2',
      'true = 1',
      'a = <<-E\nx\nE\n',
      'a = <<E\nx\nE',
      'a = 0x',
      'a = 08',
      'a = 1e',
      'a = .5e1',
      'a = "\\400"',
      'a = "${\\q}"',
      'a = 9223372036854775808',
      'a = "${\ufffd}"',
      'a = 1,, b = 2',
      'a { , }',
      ', a = 1',
      'a = [1 2,]',
      'a = [1,',
      '{"a": 1,, "b": 2}',
      'a = "\0"',
      '{"a": "\\/"}',
      '{"a": 01}',
      '{"a": +1}',
      '{"a": True}',
      '{,}',
    ];
    for (const text of refused) assert.equal(parsed(text), undefined, text);
  });
});
