import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonValue } from '@coffer/base';
import { type FieldSchema, parseFields, unknownFieldMessage } from './fields.ts';

const schema = {
  name: { type: 'string', description: 'A name.', required: true },
  port: { type: 'integer', description: 'A port.', default: 5433 },
  verify: { type: 'boolean', description: 'A switch.' },
  ttl: { type: 'duration', description: 'A TTL.' },
  roles: { type: 'comma-strings', description: 'Roles.' },
  sql: { type: 'strings', description: 'Statements.' },
  meta: { type: 'object', description: 'Pairs.' },
} as const satisfies FieldSchema;

describe('parseFields', () => {
  it('bounds what is inside of a string before it is taken apart', () => {
    const cases: readonly [object, RegExp][] = [
      [{ roles: ','.repeat(10_000) }, /^field "roles" has more than 10000 items$/],
      [{ meta: `${'a=b,'.repeat(10_000)}a=b` }, /^field "meta" has more than 10000 items$/],
      [
        { meta: `{"a":${'['.repeat(5000)}` },
        /^field "meta": failed to parse JSON input: more than 100 levels of nesting$/,
      ],
      [{ meta: JSON.stringify({ a: Array(20_000).fill(1) }) }, /^field "meta": .* more than 10000 values$/],
    ];
    for (const [given, message] of cases) {
      assert.throws(() => parseFields(schema, { name: 'n', ...given }), { code: 'invalid-request', message });
    }
    assert.equal(parseFields(schema, { name: 'n', roles: 'a,'.repeat(9999) }).roles?.length, 9999);
  });

  it('takes scalars as JSON values and as strings', () => {
    const parsed = parseFields(schema, {
      name: 'n',
      port: '6000',
      verify: 'false',
      ttl: '1h',
      roles: 'a, b,',
      sql: 'SELECT 1; SELECT 2',
      meta: '{"a":"b"}',
    });
    assert.deepEqual(parsed, {
      name: 'n',
      port: 6000,
      verify: false,
      ttl: 3600,
      roles: ['a', 'b'],
      sql: ['SELECT 1; SELECT 2'],
      meta: { a: 'b' },
    });
    assert.deepEqual(parseFields(schema, { name: 'n', roles: ['x'], meta: 'k=v,l=w' }), {
      name: 'n',
      port: 5433,
      roles: ['x'],
      meta: { k: 'v', l: 'w' },
    });
  });

  it('takes pairs that are repeated on the command line', () => {
    const metaOf = (meta: JsonValue) => parseFields(schema, { name: 'n', meta }).meta;
    assert.deepEqual(metaOf(['k=v', 'l=w,x=y=z']), { k: 'v', l: 'w,x=y=z' });
    assert.deepEqual(metaOf(['k=v\nw', 'k=']), { k: '' });
    assert.deepEqual(metaOf([]), {});
    for (const bad of [['k'], ['=v'], ['k=v', 1], [null], [['k=v']], [{ k: 'v' }]]) {
      assert.throws(
        () => metaOf(bad),
        /"meta" must be a JSON object or key=value pairs, got a list/,
        JSON.stringify(bad),
      );
    }
  });

  it('names the field and what it takes, without showing the value', () => {
    const cases = [
      [{}, /missing name/],
      [{ name: '' }, /missing name/],
      [{ name: 'n', port: 'hunter2' }, /"port" must be a whole number/],
      [{ name: 'n', port: 1.5 }, /"port" must be a whole number/],
      [{ name: 'n', port: '9007199254740993' }, /"port" is out of range: at most 9007199254740991$/],
      [{ name: 'n', port: -(2 ** 60) }, /"port" is out of range/],
      [{ name: 'n', verify: 'maybe' }, /"verify" must be true or false/],
      [{ name: 'n', ttl: 'soon' }, /"ttl"/],
      [{ name: {} }, /"name" must be a string, got an object/],
      [{ name: 'n', sql: [{}] }, /"sql"/],
      [{ name: 'n', meta: 'novalue' }, /"meta"/],
    ] as const;
    for (const [data, message] of cases) assert.throws(() => parseFields(schema, data), message);
    assert.throws(
      () => parseFields(schema, { name: 'n', port: 'hunter2' }),
      (error: Error) => !error.message.includes('hunter2'),
    );
  });
});

describe('unknownFieldMessage', () => {
  it('suggests the nearest name, or lists them', () => {
    assert.equal(unknownFieldMessage('hots', ['host', 'port']), 'unknown field "hots": did you mean "host"?');
    assert.equal(
      unknownFieldMessage('creation_statement', ['creation_statements', 'db_name']),
      'unknown field "creation_statement": did you mean "creation_statements"?',
    );
    assert.equal(unknownFieldMessage('zzz', ['host', 'db']), 'unknown field "zzz": the fields here are db, host');
  });
});
