import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHcl } from './index.ts';

const refuses = (run: () => unknown, message: string | RegExp) =>
  assert.throws(run, { name: 'CofferError', code: 'invalid-request', message });

describe('getters', () => {
  const object = parseHcl(
    's = "x" n = 5 q = "7" t = true u = "false" l = ["a", "b"] m = ["a", 1] d = "1h30m" o { p = 1 }\nb "l" {}\nb "l" {}',
    'f',
  );

  it('give typed values and undefined for what is absent', () => {
    assert.equal(object.string('s'), 'x');
    assert.equal(object.number('n'), 5);
    assert.equal(object.number('q'), 7);
    assert.equal(object.boolean('t'), true);
    assert.equal(object.boolean('u'), false);
    assert.deepEqual(object.strings('l'), ['a', 'b']);
    assert.deepEqual(object.strings('s'), ['x']);
    assert.equal(object.duration('d'), 5400);
    assert.equal(object.duration('n'), 5);
    assert.equal(object.object('o')?.number('p'), 1);
    assert.equal(object.blocks('b', 1).length, 2);
    for (const absent of [
      object.string('z'),
      object.number('z'),
      object.boolean('z'),
      object.strings('z'),
      object.duration('z'),
      object.object('z'),
    ]) {
      assert.equal(absent, undefined);
    }
    assert.deepEqual(object.blocks('z', 1), []);
  });

  it('refuse wrong types, repeated keys, wrong labels and unknown keys with the place', () => {
    refuses(() => object.string('n'), 'f:1:13: "n" must be a string, not a number');
    refuses(() => object.number('s'), 'f:1:5: "s" must be a number, not this string');
    refuses(() => object.boolean('o'), 'f:1:86: "o" must be true or false, not a block');
    refuses(() => object.strings('m'), 'f:1:69: "m" must contain strings only, not a number');
    refuses(() => object.duration('s'), 'f:1:5: "s" must be a duration: seconds, or a form like "90m", "1h30m", "7d"');
    refuses(() => object.attribute('b'), 'f:3:1: "b" is set twice; the first is on line 2');
    refuses(() => object.blocks('b', 0), 'f:2:1: "b" takes no label');
    refuses(() => object.blocks('n', 1), 'f:1:13: "n" must be a block, not a number');
    refuses(() => parseHcl('path {}').blocks('path', 1), '1:1: "path" takes 1 label, as in path "label" { … }');
    refuses(() => parseHcl('a = 1\nbb = 2').allowOnly(['a', 'c']), '2:1: "bb" is not known here; known are a, c');
    refuses(() => parseHcl('a = 1\na = 2').number('a'), '2:1: "a" is set twice; the first is on line 1');
  });
});

it('takes for true and false what Go does, quoted or not', () => {
  const of = (text: string) => parseHcl(`k = ${text}`, 'f').boolean('k');
  for (const text of ['true', '"T"', '"TRUE"', '1', '"1"']) assert.equal(of(text), true, text);
  for (const text of ['false', '"f"', '"False"', '0', '"0"', '""']) assert.equal(of(text), false, text);
  for (const text of ['2', '"yes"', '"tRUE"', '[]']) assert.throws(() => of(text), /must be true or false/);
});
