import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import type { HclValue } from './index.ts';
import { parseHcl } from './index.ts';

const refuses = (run: () => unknown, message: string | RegExp) =>
  assert.throws(run, { name: 'CofferError', code: 'invalid-request', message });

describe('hostile input', () => {
  it('refuses nesting that would exhaust the stack', () => {
    refuses(() => parseHcl(`a = ${'['.repeat(200_000)}`), /levels of nesting/);
    refuses(() => parseHcl('a {'.repeat(200_000)), /levels of nesting/);
    refuses(() => parseHcl('{"a":'.repeat(200_000)), /levels of nesting/);
  });

  it('reads strings and lists of megabytes', () => {
    const long = `${'x'.repeat(20_000_000)}\\n`;
    assert.equal(parseHcl(`a = "${long}"`).string('a')?.length, 20_000_001);
    assert.equal(parseHcl(`{"a": "${long}"}`).string('a')?.length, 20_000_001);
    assert.equal(parseHcl(`a = [${'"x", '.repeat(200_000)}]`).strings('a')?.length, 200_000);
    assert.equal(parseHcl(`${' '.repeat(5_000_000)}# ${'c'.repeat(5_000_000)}\na = 1`).number('a'), 1);
  });

  it('answers any input with a tree or a CofferError', () => {
    const pieces = [
      'a',
      'path',
      '"',
      '"x"',
      '\\',
      '\\u12',
      '$',
      '${',
      '{',
      '}',
      '[',
      ']',
      '=',
      ',',
      '#',
      '//',
      '/*',
      '*/',
      '<<',
      '<<EOF\n',
      '<<-E\n',
      'EOF',
      'E',
      '\n',
      ' ',
      '0x',
      '08',
      '1.',
      '-',
      '1e5',
      ':',
      '\u0000',
      'é',
      '\ud800',
      'true',
      'null',
      '\t',
      '\r\n',
    ];
    let seed = 42;
    const next = (limit: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % limit;
    };
    let trees = 0;
    for (let round = 0; round < 30_000; round++) {
      let text = round % 3 === 0 ? '{"a":' : '';
      for (let i = next(14); i >= 0; i--) text += pieces[next(pieces.length)] ?? '';
      let tree: HclValue | undefined;
      try {
        tree = parseHcl(text);
      } catch (thrown) {
        assert.ok(
          isCofferError(thrown, 'invalid-request') && /^\d+:\d+: /.test(thrown.message),
          `${JSON.stringify(text)}: ${String(thrown)}`,
        );
      }
      if (tree !== undefined) trees++;
    }
    assert.ok(trees > 100, `only ${trees} inputs parsed: the generator is too hostile to test the accepting side`);
  });
});
