import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { orderKeys, renderJson, renderYaml, sortKeys } from './document.ts';
import { goQuotedList, goTime, goValue, tableValue } from './go-value.ts';
import { renderTable } from './table.ts';
import { wrapText } from './wrap.ts';

describe('Go values', () => {
  it('prints JSON as %v does', () => {
    assert.equal(goValue({ b: [1, 'x y', null], a: { z: true, k: '' } }), 'map[a:map[k: z:true] b:[1 x y <nil>]]');
    assert.equal(goValue([]), '[]');
    assert.equal(goValue(undefined), '<nil>');
    assert.equal(goQuotedList(['a', 'b"c']), String.raw`["a" "b\"c"]`);
    assert.equal(goQuotedList(null), '[]');
  });

  it('prints times as Time.String() does', () => {
    assert.equal(goTime('2026-11-24T18:52:05.879245136Z'), '2026-11-24 18:52:05.879245136 +0000 UTC');
    assert.equal(goTime('2026-11-24T18:52:05+01:00'), '2026-11-24 18:52:05 +0100 +0100');
    assert.equal(goTime(''), '');
  });

  it('takes numbers under names of time for durations', () => {
    for (const key of ['ttl', 'max_ttl', 'lease_duration', 'period', 'rotation_period', 'lease_max', 'ttl_max']) {
      assert.equal(tableValue(key, 3600), '1h', key);
    }
    for (const key of ['ttls', 'creation_time', 'num_uses', 'periodic'])
      assert.equal(tableValue(key, 3600), '3600', key);
    assert.equal(tableValue('ttl', '3600'), '3600');
  });
});

describe('renderTable', () => {
  it('aligns columns, fills empty cells, and counts characters', () => {
    const rows = [
      ['Key', 'Value', 'More'],
      ['é∞', ' padded ', ''],
      ['longer', '', 'x'],
    ];
    assert.equal(
      renderTable(rows),
      ['Key       Value     More', '---       -----     ----', 'é∞        padded    n/a', 'longer    n/a       x'].join(
        '\n',
      ),
    );
  });
});

describe('wrapText', () => {
  it('breaks with the least raggedness, not at the first word that does not fit', () => {
    assert.equal(
      wrapText('* TTL of "25h" exceeded the effective max_ttl of "23h59m59s"; TTL value is capped accordingly', 2),
      '  * TTL of "25h" exceeded the effective max_ttl of "23h59m59s"; TTL value is\n  capped accordingly',
    );
    assert.equal(wrapText('short'), 'short');
    assert.equal(
      wrapText('a '.repeat(200))
        .split('\n')
        .every((line) => line.length <= 78),
      true,
    );
  });

  it('leaves a word alone that is longer than the line', () => {
    const word = 'x'.repeat(100);
    assert.equal(wrapText(`${'word '.repeat(15)}${word}`), `${'word '.repeat(15).trim()}\n${word}`);
    assert.equal(wrapText(word, 4), `    ${word}`);
  });
});

describe('documents', () => {
  it('escapes JSON as Go does', () => {
    assert.equal(renderJson({ a: '<&>\u2028"\n' }), '{\n  "a": "\\u003c\\u0026\\u003e\\u2028\\"\\n"\n}');
    assert.equal(renderJson({ a: [], b: {} }), '{\n  "a": [],\n  "b": {}\n}');
  });

  it('writes YAML that reads back the same, in order', () => {
    const value = { z: ['*', 'true', '5433', null], a: { text: 'one\ntwo', n: 1.5, long: 'word '.repeat(60) } };
    const text = renderYaml(value);
    assert.deepEqual(parse(text), value);
    assert.match(text, /^a:\n/);
    assert.match(text, /\nz:\n- "\*"/);
  });

  it('sorts and orders keys', () => {
    assert.equal(JSON.stringify(sortKeys({ b: 1, a: [{ d: 1, c: null }] })), '{"a":[{"c":null,"d":1}],"b":1}');
    assert.equal(
      JSON.stringify(orderKeys({ a: 1, b: 2, x: 3 }, { b: 0, absent: undefined, c: 'd', a: 0 })),
      '{"b":2,"c":"d","a":1}',
    );
  });
});
