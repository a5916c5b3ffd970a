import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hclToJson, parseHcl } from './index.ts';

const refuses = (run: () => unknown, message: string | RegExp) =>
  assert.throws(run, { name: 'CofferError', code: 'invalid-request', message });
const json = (text: string) => hclToJson(parseHcl(text));

describe('JSON', () => {
  it('gives the same tree as HCL, blocks included', () => {
    const forms = [
      'path "a" { capabilities = ["read"] }\npath "b" { capabilities = ["list"] }',
      'path = { a = { capabilities = ["read"] } b = { capabilities = ["list"] } }',
      '{"path": {"a": {"capabilities": ["read"]}, "b": {"capabilities": ["list"]}}}',
      ' {"path": [{"a": {"capabilities": ["read"]}}, {"b": {"capabilities": ["list"]}}]}',
      '{"path": {"a": [{"capabilities": ["read"]}]}, "path": {"b": {"capabilities": ["list"]}}}',
    ];
    for (const form of forms) {
      const paths = parseHcl(form)
        .blocks('path', 1)
        .map(({ labels, body }) => [labels, body.strings('capabilities')]);
      assert.deepEqual(
        paths,
        [
          [['a'], ['read']],
          [['b'], ['list']],
        ],
        form,
      );
    }
  });

  it('reads what JSON.parse reads, but for null, which is an empty string', () => {
    const text = '{"a":"\\u00e9\\ud83d\\ude00\\n","b":-1.5e2,"c":["x",1,{}],"d":{"e":{}},"f":0,"g":true}';
    assert.deepEqual(json(text), JSON.parse(text));
    assert.deepEqual(json('{"a": null, "b": 1}'), { a: '', b: 1 });
    assert.deepEqual(
      json('{"__proto__": {"x": 1}, "constructor": 1}'),
      JSON.parse('{"__proto__": {"x": 1}, "constructor": 1}'),
    );
  });

  it('makes blocks of objects of objects, from the outside in', () => {
    const keys = (text: string) => parseHcl(text).items.map((item) => item.keys);
    assert.deepEqual(keys('{"a": {"b": {"c": 1}, "d": {}}}'), [
      ['a', 'b'],
      ['a', 'd'],
    ]);
    assert.deepEqual(keys('{"a": {"b": {"c": {"x": 1}}}}'), [['a', 'b', 'c']]);
    assert.deepEqual(keys('{"a": [{"b": {"x": 1}}, {"c": {"x": 1}}]}'), [
      ['a', 'b'],
      ['a', 'c'],
    ]);
    assert.deepEqual(keys('{"a": {"b": [{"c": 1}]}}'), [['a']], 'a list is not an object');
    assert.deepEqual(keys('{"a": {"b": {}, "c": 1}}'), [['a']]);
  });

  it('leaves out what HCL 1 leaves out, or refuses it with line and column', () => {
    const cases: [text: string, read: unknown, refusal: string][] = [
      ['{', {}, '1:2: expected a key in double quotes'],
      ['{"a"', {}, '1:5: expected a colon after the key'],
      ['{"a": }', {}, '1:7: expected a value'],
      ['{"a": 1\n"b": 2}', { a: 1 }, '2:1: expected , or } in the object that starts on line 1'],
      ['{"a": 1', { a: 1 }, '1:8: expected , or } in the object that starts on line 1'],
      ['{} x', {}, '1:4: expected the end of the text after the closing }'],
      ['{}{"a": 1}', {}, '1:3: expected the end of the text after the closing }'],
      ['{"a": [1, 2}', {}, '1:12: expected , or ] in the list that starts on line 1'],
      [
        '{"a": [true, 1]}',
        { a: [1] },
        '1:8: expected strings, numbers or objects: HCL 1 reads no other values in a list of JSON',
      ],
      [
        '{"a": [[1]], "b": 2}',
        { a: [1] },
        '1:8: expected strings, numbers or objects: HCL 1 reads no other values in a list of JSON',
      ],
    ];
    for (const [text, read, refusal] of cases) {
      assert.deepEqual(json(text), read, text);
      refuses(() => parseHcl(text, '', { omissions: 'refuse' }), refusal);
    }
  });

  it('gives positions and errors with line and column', () => {
    const [a] = parseHcl('{\n  "a": {\n    "b": 1\n  }\n}').items;
    assert.deepEqual([a?.line, a?.column], [2, 3]);
    const cases: [string, string][] = [
      ['{"a" 1}', '1:6: expected a colon after the key'],
      ['{"a": x}', '1:7: expected a value'],
      ['{"a": [null]}', '1:8: expected , or ] in the list that starts on line 1'],
      ['{"a": "x', '1:7: this string has no closing quote'],
      ['{"a": 99999999999999999999}', '1:7: this number is too large'],
      ['{"a": 012}', '1:7: a number must not start with 0'],
      ['{"a": "\\ud83d"}', '1:8: half a surrogate pair is not a character'],
    ];
    for (const [text, message] of cases) refuses(() => parseHcl(text), message);
    refuses(() => parseHcl('{"a": "\\q"}'), /^1:8: unknown escape/);
  });
});
