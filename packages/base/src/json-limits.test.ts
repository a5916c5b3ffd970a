import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JSON_LIMITS, measureJson, parseBoundedJson } from './json-limits.ts';

const measure = (text: string, most?: number) =>
  measureJson(Buffer.from(text), most === undefined ? {} : { memoryBytes: most });
const list = (item: string, count: number) => `[${Array<string>(count).fill(item).join(',')}]`;

describe('the limits of JSON', () => {
  it('hold at their edge and not a step beyond', () => {
    const { depth, strings, values, nameBytes, numberBytes } = JSON_LIMITS;
    const cases: readonly [string, (count: number) => string, number][] = [
      [`${depth} levels of nesting`, (count) => `${'['.repeat(count)}${']'.repeat(count)}`, depth],
      [`${depth} levels of nesting`, (count) => `${'{"a":'.repeat(count)}1${'}'.repeat(count)}`, depth],
      [`${strings} strings`, (count) => list('"a"', count), strings],
      [`${strings} strings`, (count) => `{"a":${list('""', count - 1)}}`, strings],
      [`${values} values`, (count) => list('1', count - 1), values],
      [`${values} values`, (count) => list('[]', count - 1), values],
      [`${values} values`, (count) => list('null', count - 1), values],
      [`${nameBytes} bytes in the name of a field`, (count) => `{"${'n'.repeat(count)}" :1}`, nameBytes],
      [`${numberBytes} characters in a number`, (count) => `[${'9'.repeat(count)}]`, numberBytes],
      [`${numberBytes} characters in a number`, (count) => `{"a":-1.${'0'.repeat(count - 3)}}`, numberBytes],
    ];
    for (const [what, text, limit] of cases) {
      assert.doesNotThrow(() => measure(text(limit)), what);
      assert.throws(() => measure(text(limit + 1)), {
        code: 'invalid-request',
        message: `failed to parse JSON input: more than ${what}`,
      });
    }
  });

  it('count nothing inside of strings, whatever their quotes', () => {
    const inside = JSON.stringify({ a: '['.repeat(5000) + '{"'.repeat(5000) + '\\"\\\\"'.repeat(5000) });
    assert.doesNotThrow(() => measure(inside));
    assert.doesNotThrow(() => measure(JSON.stringify({ policy: 'x'.repeat(1_000_000) })));
  });

  it('estimate no less than V8 takes for what is large', () => {
    assert.ok(measure(`["${'x'.repeat(1000)}"]`) >= 1000);
    assert.ok(measure(`["${'é'.repeat(1000)}"]`) >= 2000);
    assert.ok(measure(`["${'\\u20ac'.repeat(1000)}"]`) >= 2000);
    assert.throws(() => measure(`["${'x'.repeat(1000)}"]`, 1000), { message: /more than 1000 bytes in memory$/ });
  });

  it('leave what is no JSON to the parser, and end', () => {
    for (const text of ['', '"', '"\\', '\\', '}}}}', ':::', '"a":', '\0', ',', 'nul', '\u2028']) {
      assert.doesNotThrow(() => measure(text), text);
    }
    assert.throws(() => parseBoundedJson('{"a":'), SyntaxError);
    assert.throws(() => parseBoundedJson('['.repeat(1000)), { code: 'invalid-request' });
    assert.deepEqual(parseBoundedJson('{"a":[1]}'), { a: [1] });
  });
});
