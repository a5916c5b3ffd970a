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

  it('reads every JSON value that JSON.parse reads', () => {
    const text = '{"a":"\\u00e9\\ud83d\\ude00\\/\\n","b":-1.5e2,"c":[true,false,[],{}],"d":{"e":{}},"f":0}';
    assert.deepEqual(json(text), JSON.parse(text));
    assert.deepEqual(json('{"a": null, "b": 1}'), { b: 1 });
  });

  it('gives positions and errors with line and column', () => {
    const [a] = parseHcl('{\n  "a": {\n    "b": 1\n  }\n}').items;
    assert.deepEqual([a?.line, a?.column], [2, 3]);
    const cases: [string, string][] = [
      ['{', '1:2: expected a key in double quotes'],
      ['{"a" 1}', '1:6: expected a colon after the key'],
      ['{"a": x}', '1:7: expected a value'],
      ['{"a": [1 2]}', '1:10: expected , or ] in the list that starts on line 1'],
      ['{"a": 1\n"b": 2}', '2:1: expected , or } in the object that starts on line 1'],
      ['{} x', '1:4: expected the end of the text after the closing }'],
      ['{"a": [null]}', '1:8: null is not allowed in a list'],
      ['{"a": "x', '1:7: this string has no closing quote'],
      ['{"a": "\\q"}', '1:7: this string has a control character or an unknown escape in it'],
      ['{"a": 99999999999999999999}', '1:7: this number is too large'],
      ['{"a": 1,}', '1:9: expected a key in double quotes'],
    ];
    for (const [text, message] of cases) refuses(() => parseHcl(text), message);
  });
});
