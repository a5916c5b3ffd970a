import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseJsonBody } from './body.ts';

const parsed = (text: string) => parseJsonBody(Buffer.from(text)).data;

describe('parseJsonBody', () => {
  it('takes an object, and nothing for an empty one', () => {
    assert.deepEqual(parsed('{"a":[1,{"b":"}]\\""}]}'), { a: [1, { b: '}]"' }] });
    for (const empty of ['', 'null', ' \n']) assert.deepEqual(parsed(empty), {});
    assert.deepEqual(Object.keys(parsed('{"__proto__":{"x":1}}')), ['__proto__']);
  });

  it('names what is wrong and never repeats the input', () => {
    const cases: [string | Buffer, RegExp][] = [
      ['{"password":"hunter2",}', /^failed to parse JSON input: invalid JSON at character 23 of the body$/],
      ['{"password":"hunter2"', /^failed to parse JSON input: /],
      ['{"a":', /^failed to parse JSON input: the JSON ends too early$/],
      ['hunter2', /^failed to parse JSON input: the body is not valid JSON$/],
      ['["hunter2"]', /must be an object like \{"key": "value"\}, not a list$/],
      ['"hunter2"', /not a string$/],
      ['7', /not a number$/],
      [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8$/],
      ['['.repeat(100_000), /more than 100 levels of nesting$/],
      [`{"a":${'{"a":'.repeat(200)}1${'}'.repeat(201)}`, /more than 100 levels of nesting$/],
    ];
    for (const [body, message] of cases) {
      assert.throws(
        () => parseJsonBody(Buffer.from(body)),
        (error: Error & { code: string }) =>
          error.code === 'invalid-request' && message.test(error.message) && !error.message.includes('hunter2'),
        String(body).slice(0, 40),
      );
    }
  });
});
