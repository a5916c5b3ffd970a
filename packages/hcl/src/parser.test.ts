import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HclObject, hclToJson, parseHcl } from './index.ts';

const refuses = (run: () => unknown, message: string | RegExp) =>
  assert.throws(run, { name: 'CofferError', code: 'invalid-request', message });
const json = (text: string) => hclToJson(parseHcl(text));

describe('HCL 1', () => {
  it('reads a policy with several attributes on one line', () => {
    const [block, ...rest] = parseHcl('path "database/creds/my-first-role" { capabilities = ["read"] }\n').blocks(
      'path',
      1,
    );
    assert.equal(rest.length, 0);
    assert.deepEqual(block?.labels, ['database/creds/my-first-role']);
    assert.deepEqual(block?.body.strings('capabilities'), ['read']);
  });

  it('reads the recorded password policy, rules in order', () => {
    const policy = parseHcl(`length = 24
rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 4 }
rule "charset" { charset = "ABC", min-chars = 2, }
rule "charset" {
  charset = "0123456789" # digits
  min-chars = 1
}`);
    assert.equal(policy.number('length'), 24);
    const rules = policy
      .blocks('rule', 1)
      .map(({ labels, body, line }) => [labels[0], body.string('charset'), body.number('min-chars'), line]);
    assert.deepEqual(rules, [
      ['charset', 'abcdefghijklmnopqrstuvwxyz', 4, 2],
      ['charset', 'ABC', 2, 3],
      ['charset', '0123456789', 1, 4],
    ]);
  });

  it('skips the three kinds of comment', () => {
    assert.deepEqual(json('# a\n// b\n/* c\n d = 1 */ a = 1 // e\nb /* f */ = [1, # g\n 2]'), { a: 1, b: [1, 2] });
  });

  it('reads numbers: decimal, hex, octal, fraction, exponent, negative', () => {
    assert.deepEqual(json('a=10 b=0x1F c=0755 d=1.5 e=-2e3 f=-7 g=0 h=.5'), {
      a: 10,
      b: 31,
      c: 493,
      d: 1.5,
      e: -2000,
      f: -7,
      g: 0,
      h: 0.5,
    });
  });

  it('resolves escapes and keeps interpolation as written', () => {
    assert.deepEqual(json(String.raw`a = "q\" b\\ n\n t\t u\u00e9 U\U0001f600 x\x41 o\101"`), {
      a: 'q" b\\ n\n t\t ué U😀 xA oA',
    });
    assert.deepEqual(json('a = "x ${f("y\\n", {z})} $5 $$"'), { a: 'x ${f("y\\n", {z})} $5 $$' });
    assert.deepEqual(json('a = "${\n}"'), { a: '${\n}' });
  });

  it('reads heredocs, plain and unindented', () => {
    assert.deepEqual(json('a = <<EOF\n  one\n two\nEOF\nb = 1'), { a: '  one\n two\n', b: 1 });
    assert.deepEqual(json('a = <<-EOF\n    one\n      two\n    EOF\n'), { a: 'one\n  two\n' });
    assert.deepEqual(json('a = <<-EOF\n  one\n    EOF\n'), { a: '  one\n' }, 'a line with less indent than the anchor');
    assert.deepEqual(json('a = <<EOF\r\nx\r\nEOF\r\n'), { a: 'x\n' });
    assert.deepEqual(json('a = <<EOF\nEOF\n'), { a: '' });
    assert.deepEqual(json('a = <<EOF\nx\n  EOF\n'), { a: 'x\n  ' }, 'what is before a plain anchor is kept');
  });

  it('takes quoted keys, dashes, dots, empty blocks, nested objects', () => {
    assert.deepEqual(json('"a b" = 1\nmin-chars = 2\nx.y = 3\ne {}\nf = {}\ng = { h = { i = [] } }'), {
      'a b': 1,
      'min-chars': 2,
      'x.y': 3,
      e: {},
      f: {},
      g: { h: { i: [] } },
    });
    assert.deepEqual(json('a "b" c { d = true }'), { a: { b: { c: { d: true } } } });
    assert.deepEqual(json('__proto__ = { x = 1 }'), JSON.parse('{"__proto__":{"x":1}}'));
  });

  it('gives positions of items and values', () => {
    const [, item] = parseHcl('a = 1\n  path "p" {\n b = "c"\n}').items;
    assert.deepEqual([item?.line, item?.column, item?.keys], [2, 3, ['path', 'p']]);
    assert.ok(item?.value instanceof HclObject);
    const b = item.value.attribute('b');
    assert.deepEqual([b?.line, b?.column], [3, 6]);
  });

  it('leaves out a key without a value at the very end, or refuses it', () => {
    for (const [text, at] of [
      ['a = 1\nb =', '2:4'],
      ['a = 1\nb = \n', '3:1'],
      ['a = 1\nb = # no value', '2:15'],
    ] as const) {
      assert.deepEqual(json(text), { a: 1 });
      const refusal = `${at}: expected a value; found the end of the text`;
      refuses(() => parseHcl(text, '', { omissions: 'refuse' }), refusal);
    }
  });

  it('says where and what is wrong', () => {
    const cases: [string, string][] = [
      ['a { b = ', '1:9: expected a value; found the end of the text'],
      ['a = [1 2]', '1:8: expected , or ] in the list that starts on line 1; found a number'],
      ['a = [;]', '1:6: unexpected character ";"'],
      ['a {\n b = 1', '2:7: expected } to close the { on line 1; found the end of the text'],
      ['a = "x\ny"', '1:5: this string has no closing quote'],
      ['a = "${x"', '1:5: this string has no closing quote (or a ${ in it has no closing brace)'],
      ['a = 1\nb c = 2', '2:5: expected { after the labels of "b"; found ='],
      ['a b', '1:4: expected = or { after "b"; found the end of the text'],
      ['a = hunter2', '1:5: expected a value; put quotes around a string; found a word'],
      ['a = 10s', '1:8: expected = or { after "s"; found the end of the text'],
      ['a = 1e', '1:5: this is not a number; put quotes around a string'],
      ['a = 1\na = 2', '2:1: "a" is set twice; the first is on line 1'],
      ['true = 1', '1:1: expected a key; found true or false'],
      ['a = "\\xe9"', '1:5: the \\x escapes of this string are not UTF-8; write \\u00e9 for a character'],
      ['a = 1 # \0', '1:9: the characters U+0000 and U+E123 are not allowed'],
      ['a = 089', '1:5: a number that starts with 0 is octal: only the digits 0 to 7'],
      ['a = 99999999999999999999', '1:5: this number is too large'],
      ['/* a', '1:1: this comment has no closing */'],
      ['a = <<EOF\nx\n', '1:5: this heredoc is not closed: no line with only EOF follows'],
      ['a = <EOF\n', '1:5: a heredoc starts with <<NAME or <<-NAME at the end of a line'],
      ['}', '1:1: expected a key; found }'],
      ['a = 1,,', '1:7: expected a key; found ,'],
      ['a = 1 ;', '1:7: unexpected character ";"'],
    ];
    for (const [text, message] of cases) refuses(() => parseHcl(text), message);
    refuses(() => parseHcl('a = "\\q"'), /^1:6: unknown escape/);
    refuses(() => parseHcl('a = "\\400"'), /^1:6: unknown escape/);
    refuses(() => parseHcl('a = }', 'coffer.hcl'), 'coffer.hcl:1:5: expected a value; found }');
  });
});
