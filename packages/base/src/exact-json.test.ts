import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExactJson, plainNumbers } from './exact-json.ts';
import { ExactNumber } from './exact-number.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';

const EXACT = [
  '9007199254740993',
  '-9007199254740993',
  '12345678901234567890',
  '0.1000',
  '1.0',
  '-0',
  '-0.0',
  '1e400',
  '1E5',
  '1e+5',
  '123456789.12345678901234567890',
];
const PLAIN = ['0', '-1', '9007199254740991', '-9007199254740991', '0.1', '1.5e-7', '1e+21'];

describe('a number in JSON', () => {
  it('comes back digit for digit', () => {
    const numbers = [...EXACT, ...PLAIN];
    const text = `{"list":[${numbers.join(',')}],"in":{"deep":[{"n":1.0}]},"s":"1.0 \\u00e4","n":null,"b":true}`;
    assert.equal(JSON.stringify(parseExactJson(text)), text.replace('\\u00e4', 'ä'));
    for (const number of EXACT) assert.ok(parseExactJson(number) instanceof ExactNumber, number);
    for (const number of PLAIN) assert.equal(parseExactJson(number), Number(number));
  });

  it('is written as it is with indentation, and as text', () => {
    assert.equal(JSON.stringify(parseExactJson('[1.0]'), null, 2), '[\n  1.0\n]');
    assert.equal(String(parseExactJson('1e400')), '1e400');
  });

  it('is no object, and an object that looks like one is no number', () => {
    assert.equal(isJsonObject(parseExactJson('1.0')), false);
    for (const text of ['{"text":"1.0"}', '{"rawJSON":"1.0"}', '{"__proto__":{"text":"1.0"}}']) {
      assert.equal(isJsonObject(parseExactJson(text)), true);
      assert.equal(JSON.stringify(parseExactJson(text)), text);
    }
  });

  it('is a plain number where that loses nothing but its form, and else its digits', () => {
    const given = parseExactJson('{"a":[1.0,-0,1e3,0.1000],"b":{"c":9007199254740993,"d":1e400},"e":"1.0"}');
    assert.deepEqual(plainNumbers(given as JsonObject), {
      a: [1, 0, 1000, 0.1],
      b: { c: '9007199254740993', d: '1e400' },
      e: '1.0',
    });
    assert.equal(plainNumbers(null as JsonValue), null);
  });

  it('is refused as JSON.parse refuses it', () => {
    for (const text of ['01.0', '1.', '.5', '1e', '+1.0', '{"a":1.0', '0x10']) {
      assert.throws(() => parseExactJson(text), SyntaxError, text);
    }
  });
});
