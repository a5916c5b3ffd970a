import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeholdersIn, refuseUnknown } from './placeholders.ts';
import { checkStatements } from './statement-template.ts';

describe('a placeholder', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['in quotes', `CREATE ROLE "{{name}}" PASSWORD '{{password}}'`, ['{{name}}', '{{password}}']],
    ['outside of quotes', 'DROP ROLE {{name}}', ['{{name}}']],
    ['mistyped', 'DROP ROLE "{{nmae}}"', ['{{nmae}}']],
    ['with spaces', 'DROP ROLE "{{ name }}", {{name }}', ['{{ name }}', '{{name }}']],
    ['with capitals', 'DROP ROLE "{{Name}}", "{{USERNAME}}"', ['{{Name}}', '{{USERNAME}}']],
    [
      'of other templates',
      `SELECT '{{.Name}} {{user-name}} {{user name}} {{$name}}'`,
      ['{{.Name}}', '{{user-name}}', '{{user name}}', '{{$name}}'],
    ],
    ['with letters that look alike', 'DROP ROLE "{{nаme}} {{\u200bname}}"', ['{{nаme}}', '{{\u200bname}}']],
    ['in a larger text', `SELECT 'app_{{nmae}}_x'`, ['{{nmae}}']],
    ['in a third brace', `SELECT '{{{nmae}}}'`, ['{{nmae}}']],
    ['in any kind of literal', `SELECT E'{{a}}', U&'{{b}}', N'{{c}}', U&"{{d}}"`, ['{{a}}', '{{b}}', '{{c}}', '{{d}}']],
    ['in a dollar quote', `DO $x$ BEGIN EXECUTE $$DROP ROLE "{{nmae}}"$$; END $x$`, ['{{nmae}}']],
    ['in a dollar quote that is no SQL', `DO $$ it's {{nmae}} $$`, ['{{nmae}}']],
    ['with a brace too few', `CREATE ROLE "{{name}" PASSWORD '{password}}'`, ['{{name}', '{password}}']],
    [
      'with a brace too few or too many on both sides',
      `CREATE ROLE "{name}" PASSWORD '{password}'; ALTER ROLE "{ username }" PASSWORD E' { Password } '`,
      ['{name}', '{password}', '{ username }', '{ Password }'],
    ],
    ['with braces around it', `CREATE ROLE x PASSWORD '{{{password}}}'`, ['{{password}}', '{{{password}}}']],
    ['with a sign', `CREATE ROLE "{{- name -}}" PASSWORD '{{-password}}'`, ['{{- name -}}', '{{-password}}']],
    ['in a comment is none', `/* {{a}} '{{name}' */ SELECT 1 -- {{b}}`, []],
    ['in a comment of a dollar quote is none', 'DO $$ BEGIN NULL; -- {{a}}\n END $$', []],
  ];
  for (const [name, sql, expected] of cases) {
    it(name, () => assert.deepEqual(placeholdersIn(sql), expected));
  }

  it('is not what arrays, JSON and code have braces for', () => {
    for (const sql of [
      `SELECT '{{1,2},{3,4}}'::int[]`,
      `SELECT '{{1}}'::int[], '{{ -1.5 }}'::float[], '{{+1}}'::int[], '{{2026-01-01}}'::date[]`,
      `SELECT '{{a,b},{c,d}}'::text[], '{{a,b}}'::text[], '{{"a"}}'::text[], '{{}}'::text[], '{{ }}'`,
      `SELECT '{"a":{"b":1}}'::jsonb, '{"a":{"b":{"c":"d"}}}'::jsonb, '{"a": {}}'::json`,
      `SELECT '{{{name}}}'::text[], '{{-.5}}'::float[], '{{- 1}}'::int[], 'password', "name", ''`,
      `SELECT '{name}'::text[], '{name,password}'::text[], '{{name,password}}'::text[]`,
      `SELECT '{{' || 'a' || '}}', '{{' || a || '}}', '{{', '}}', "{{", "}}"`,
      'SELECT $x${{$x$ || a || $x$}}$x$',
      `DO $$ BEGIN PERFORM '{{' || x || '}}', '{{1,2}}', '{"a":{"b":1}}'; END $$`,
      `SELECT 'a{2}', 'x{{2,3}}', regexp_replace('{{a', '^\\{\\{([a-z]+)\\}\\}$', '')`,
    ]) {
      assert.deepEqual(
        placeholdersIn(sql).filter((text) => text !== '{{name}}'),
        [],
        sql,
      );
    }
  });
  it('is looked for in linear time: else this would take hours', () => {
    for (const text of ['{{a', '{{ ', '{{', 'name}}', "'{{name'"]) {
      placeholdersIn(text.repeat(400_000));
    }
    const tags = Array.from({ length: 2_000 }, (_, at) => `$t${at}$`);
    assert.deepEqual(placeholdersIn(`${tags.join('')} {{nmae}} ${tags.toReversed().join('')}`), ['{{nmae}}']);
  });
});

describe('an unknown placeholder', () => {
  const refusal = (purpose: Parameters<typeof refuseUnknown>[0], text: string): string => {
    try {
      refuseUnknown(purpose, [text]);
    } catch (error) {
      assert.ok(error instanceof Error);
      return error.message;
    }
    return 'taken';
  };

  it('is refused with the nearest that is known, and with all of them', () => {
    assert.equal(
      refusal('creation', '{{nmae}}'),
      'unknown placeholder {{nmae}} (did you mean {{name}}?); the placeholders of creation statements are {{name}}, {{username}}, {{password}}, {{expiration}}',
    );
    for (const [text, near] of [
      ['{{ name }}', 'name'],
      ['{{Name}}', 'name'],
      ['{{.Name}}', 'name'],
      ['{{user_name}}', 'username'],
      ['{{USERNAME}}', 'username'],
      ['{{pasword}}', 'password'],
      ['{{{password}', 'password'],
      ['{{expiraton}}', 'expiration'],
    ] as const) {
      assert.match(refusal('creation', text), new RegExp(`did you mean \\{\\{${near}\\}\\}`), text);
    }
    assert.doesNotMatch(refusal('creation', '{{database}}'), /did you mean/);
    assert.ok(refusal('creation', `{{${'x'.repeat(10_000)}}}`).length < 250);
  });
  it('depends on what the statements are for', () => {
    const purposes = ['creation', 'rollback', 'renew', 'revocation', 'rotation'] as const;
    const takes = (text: string) => purposes.filter((purpose) => refusal(purpose, text) === 'taken');
    assert.deepEqual(takes('{{name}}'), purposes);
    assert.deepEqual(takes('{{username}}'), purposes);
    assert.deepEqual(takes('{{password}}'), ['creation', 'rollback', 'rotation']);
    assert.deepEqual(takes('{{expiration}}'), ['creation', 'rollback', 'renew']);
    assert.equal(
      refusal('revocation', '{{password}}'),
      '{{password}} has no value in revocation statements; the placeholders of revocation statements are {{name}}, {{username}}',
    );
  });
  it('is found in every form of a list', () => {
    const sql = 'DROP ROLE "{{nmae}}"';
    const base64 = Buffer.from(sql).toString('base64');
    for (const elements of [
      [sql],
      ['SELECT 1', sql],
      [`SELECT 1; ${sql}`],
      [JSON.stringify(['SELECT 1', sql])],
      [base64],
    ]) {
      assert.throws(() => checkStatements('revocation', elements), {
        code: 'invalid-request',
        message: /\{\{nmae\}\}/,
      });
    }
    checkStatements('revocation', ['DROP ROLE "{{name}}"']);
  });
});

describe('statements that can never run', () => {
  for (const [what, sql, message] of [
    ['an escape character of their own', `CREATE ROLE U&"{{name}}" UESCAPE '!'`, /cannot be used in U&/],
    ['the same in a dollar quote', `DO $$ BEGIN PERFORM U&'{{name}}' UESCAPE '!'; END $$`, /cannot be used in U&/],
    ['a placeholder in a tag', 'DO $a{{name}}$ BEGIN END $a{{name}}$', /in the tag of a dollar quote/],
    ['a password outside quotes', 'ALTER ROLE "{{name}}" PASSWORD {{password}}', /is outside quotes/],
    ['the same in a dollar quote', 'DO $$ BEGIN PERFORM {{password}}; END $$', /is outside quotes/],
  ] as const) {
    it(`are refused for ${what}: ${sql}`, () =>
      assert.throws(() => checkStatements('creation', [sql]), { code: 'invalid-request', message }));
  }
  it('are none that depend on a value', () => {
    const literal = 'ALTER ROLE "{{name}}" PASSWORD $${{password}}$$';
    checkStatements('creation', [literal, 'DROP ROLE {{name}}', "DO $a$ it's {{name}} $a$"]);
  });
});
