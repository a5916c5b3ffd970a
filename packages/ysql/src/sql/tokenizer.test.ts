import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { splitStatements } from './statements.ts';
import { splitSql, tokenize } from './tokenizer.ts';

describe('splitSql', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['two statements', 'SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
    ['semicolon in a literal', "SELECT ';'; SELECT 2", ["SELECT ';'", 'SELECT 2']],
    ['doubled quote', "SELECT 'a'';b'; SELECT 2", ["SELECT 'a'';b'", 'SELECT 2']],
    ['backslash in a plain literal is a character', "SELECT 'a\\'; SELECT 2", ["SELECT 'a\\'", 'SELECT 2']],
    ['backslash in E literal', "SELECT E'a\\';b'; SELECT 2", ["SELECT E'a\\';b'", 'SELECT 2']],
    ['E literal that goes on', "SELECT E'a'\n'b\\';c'; SELECT 2", ["SELECT E'a'\n'b\\';c'", 'SELECT 2']],
    [
      'E literal that goes on behind a comment',
      "SELECT E'a' -- it's\n -- ;\n 'b\\';c'; SELECT 2",
      ["SELECT E'a' -- it's\n -- ;\n 'b\\';c'", 'SELECT 2'],
    ],
    ['literals on one line', "SELECT E'a' 'b\\'; SELECT 2", ["SELECT E'a' 'b\\'", 'SELECT 2']],
    [
      'literals with a block comment between',
      "SELECT E'a'\n/**/'b\\'; SELECT 2",
      ["SELECT E'a'\n/**/'b\\'", 'SELECT 2'],
    ],
    ['no-break space in a name', 'SELECT a\u00a0$$ ; SELECT b$$', ['SELECT a\u00a0$$', 'SELECT b$$']],
    ['no-break space at the ends', '\u00a0; SELECT a\u00a0 ;\ufeff b', ['\u00a0', 'SELECT a\u00a0', '\ufeff b']],
    ['quoted identifier', 'DROP ROLE "a;b"""; SELECT 2', ['DROP ROLE "a;b"""', 'SELECT 2']],
    ['dollar quote', 'DO $$ BEGIN x; END $$; SELECT 2', ['DO $$ BEGIN x; END $$', 'SELECT 2']],
    ['tagged dollar quote', 'DO $a$ x; $$ ; $b$ $a$; SELECT 2', ['DO $a$ x; $$ ; $b$ $a$', 'SELECT 2']],
    ['dollar in a name', 'SELECT a$$ ; SELECT b$$', ['SELECT a$$', 'SELECT b$$']],
    ['parameter', 'SELECT $1; SELECT 2', ['SELECT $1', 'SELECT 2']],
    ['line comment', "SELECT 1 -- ; it's\n; SELECT 2", ["SELECT 1 -- ; it's", 'SELECT 2']],
    ['nested comment', 'SELECT 1 /* ; /* ; */ ; */; SELECT 2', ['SELECT 1 /* ; /* ; */ ; */', 'SELECT 2']],
    ['nothing but comments', '; -- a\n ; /* b */ ;', []],
    [
      'rule',
      'CREATE RULE r AS ON INSERT TO t DO (a; b); SELECT 2',
      ['CREATE RULE r AS ON INSERT TO t DO (a; b)', 'SELECT 2'],
    ],
    [
      'routine body',
      'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3',
      [
        'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END',
        'SELECT 3',
      ],
    ],
    ['transaction words', 'BEGIN; SELECT 1; END;', ['BEGIN', 'SELECT 1', 'END']],
  ];
  for (const [name, sql, expected] of cases) {
    it(name, () => {
      assert.deepEqual(splitSql(sql), expected);
      assert.equal(
        tokenize(sql)
          .map((token) => token.text)
          .join(''),
        sql,
      );
    });
  }

  for (const sql of ["SELECT 'a", 'SELECT "a', "SELECT E'a\\'", 'DO $x$ a $y$', 'SELECT /* /* */']) {
    it(`refuses what has no end: ${sql}`, () => {
      assert.throws(
        () => splitSql(sql),
        (error) => isCofferError(error, 'invalid-request') && /has no end/.test(error.message),
      );
    });
  }
});

describe('a literal of many megabytes', () => {
  it('is one token', () => {
    const text = 'a'.repeat(12_000_000);
    for (const sql of [`'${text}'`, `E'${text}'`, `"${text}"`, `$$${text}$$`]) assert.equal(tokenize(sql).length, 1);
  });
});

describe('splitStatements', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  it('takes elements with one or several statements', () => {
    assert.deepEqual(splitStatements(['SELECT 1; SELECT 2', ' ', 'SELECT 3;']), ['SELECT 1', 'SELECT 2', 'SELECT 3']);
  });
  it('takes a JSON list', () => {
    assert.deepEqual(splitStatements(['["SELECT 1; SELECT 2", "SELECT 3"]']), ['SELECT 1', 'SELECT 2', 'SELECT 3']);
  });
  it('takes base64, of SQL and of a JSON list', () => {
    assert.deepEqual(splitStatements([base64('SELECT 1; SELECT 2')]), ['SELECT 1', 'SELECT 2']);
    assert.deepEqual(splitStatements([base64('["SELECT 1", "SELECT 2"]')]), ['SELECT 1', 'SELECT 2']);
  });
  it('does not take a keyword for base64', () => {
    assert.deepEqual(splitStatements(['ROLLBACK']), ['ROLLBACK']);
  });
});
