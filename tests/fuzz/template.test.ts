/** Any username template is taken or explained with its position; what it makes fits PostgreSQL's 63 bytes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { parseTemplate } from '@coffer/text-template';
import fc from 'fast-check';
import { createNameMaker } from '../../packages/ysql/src/settings/username.ts';
import { fuzz } from './fuzz-runs.ts';

const piece = fc.constantFrom(
  ...['{{', '}}', '{{-', '-}}', ' ', '|', '(', ')', '.RoleName', '.DisplayName', '.', '/*', '*/', '\\', '\n', '%', '$'],
  ...['random', 'truncate', 'truncate_sha256', 'uppercase', 'lowercase', 'replace', 'sha256', 'base64', 'unix_time'],
  ...[
    'unix_time_millis',
    'timestamp',
    'uuid',
    'printf',
    'print',
    'join',
    'true',
    'false',
    'if',
    '{{if ',
    '{{else}}',
    '{{end}}',
    '$x',
    ':=',
    'with',
    'len',
    'slice',
    'eq',
    '"%s"',
    '"%-5d"',
  ],
  ...['"2006-01-02"', '"-"', '"', '`', "'", "'x'", '8', '20', '63', '-1', '0x', '0x1F', '1e9', '😀', 'ß', '\ud800'],
);
const fragments = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
const callLike = fc
  .array(fc.tuple(piece, fc.constantFrom(' ', ' | ', '')), { maxLength: 8 })
  .map((pieces) => `{{ ${pieces.flat().join('')} }}`);
const template = fc.oneof(fragments, callLike, fc.string({ unit: 'binary', maxLength: 60 }));
const data = fc.string({ unit: 'binary', maxLength: 80 });

function explained(error: unknown, field: string): boolean {
  if (!isCofferError(error, 'invalid-request')) throw error;
  assert.match(error.message, new RegExp(`^${field}template: \\d+:\\d+: .`));
  return true;
}

describe('a template', () => {
  it('of any text is taken or explained', () => {
    let taken = 0;
    fc.assert(
      fc.property(template, data, data, (text, DisplayName, RoleName) => {
        try {
          parseTemplate(text).render({ DisplayName, RoleName });
          taken++;
        } catch (error) {
          explained(error, '');
        }
      }),
      fuzz(3_000),
    );
    assert.ok(taken > 0, 'some of them are good');
  });

  it('makes names that fit, for any display name and role', () => {
    let made = 0;
    fc.assert(
      fc.property(template, data, data, (text, displayName, roleName) => {
        try {
          const name = createNameMaker(text)({ displayName, roleName }).name;
          assert.ok(Buffer.byteLength(name) <= 63, `${Buffer.byteLength(name)} bytes`);
          made++;
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          explained(error, 'field "username_template": ');
        }
      }),
      fuzz(3_000),
    );
    assert.ok(made > 0, 'some of them are good');
  });
});
