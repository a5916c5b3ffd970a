/** What Vault makes of a field's value, by its type. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonValue } from '@coffer/base';
import { type FieldType, parseFields } from '@coffer/framework';
import { vectorsOf } from './vectors.ts';

interface Vector {
  readonly type: 'dur' | 'bool' | 'int';
  readonly value: JsonValue;
  readonly result?: number | boolean;
  readonly refused?: boolean;
}

const TYPES: Readonly<Record<Vector['type'], FieldType>> = { dur: 'duration', bool: 'boolean', int: 'integer' };

/**
 * Where we differ on purpose, and why: whole numbers beyond 2^53 are refused (JSON has none that everybody reads alike), and
 * a JSON number like 1.0 or 1e3 is the whole number that it is, since the parser of JSON keeps no spelling. No vector is one.
 */
describe('field values', () => {
  const vectors = vectorsOf<Vector>('field-values');
  it(`are read as the reference reads them, or refused as by it (${vectors.length} times)`, () => {
    for (const { type, value, result, refused } of vectors) {
      const schema = { field: { type: TYPES[type], description: 'The field.' } };
      const read = () => parseFields(schema, { field: value }).field;
      const name = `${type} ${JSON.stringify(value)}`;
      if (refused === true) assert.throws(read, { code: 'invalid-request', message: /"field"/ }, name);
      else assert.equal(read(), result, name);
    }
  });
});
