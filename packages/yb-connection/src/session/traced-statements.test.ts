import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sqlSpan, statementKind } from './traced-statements.ts';

describe('statements in a trace', () => {
  it('are told by their kind', () => {
    const kinds = [
      ['SELECT 1', 'SELECT'],
      ['  \n\tcreate\n role "secret" PASSWORD \'secret\'', 'CREATE ROLE'],
      ['-- secret\n/* secret */ -- more\nGRANT ALL ON x TO "secret"', 'GRANT'],
      ['BEGIN;', 'BEGIN'],
      ['BEGIN ISOLATION LEVEL READ COMMITTED', 'BEGIN'],
      ['DO $$ secret $$', 'DO'],
      ['DROP OWNED BY "secret"', 'DROP OWNED'],
      ['REASSIGN OWNED BY "secret" TO x', 'REASSIGN OWNED'],
      ['SELECT(1)', 'SELECT'],
      ['WITH gone AS (DELETE FROM t RETURNING *) SELECT 1', 'WITH'],
    ];
    for (const [sql = '', kind] of kinds) assert.equal(statementKind(sql), kind, sql);
  });

  it('lend no word of theirs', () => {
    const odd = [
      ...['', ';', 'secret', "'secret'", '"secret" role', 'secretrole x', '/* secret', '-- secret', '--', '/*/ secret'],
      ...['CREATE SECRET', 'ALTER secret role', '\0secret', 'É secret', `${'-- x\n'.repeat(1000)}secret`],
    ];
    for (const sql of odd) assert.match(statementKind(sql), /^(?:OTHER|CREATE|ALTER)$/, sql);
    const { name, attributes } = sqlSpan({ host: 'db', port: 5433 }, ["ALTER USER x PASSWORD 'a\n;\nsecret\n;\nb'"]);
    assert.ok(!JSON.stringify([name, attributes]).includes('secret'));
  });

  it('that are sent as one are told together, each kind once, a few at most', () => {
    const at = { host: 'db', port: 5433 };
    assert.equal(sqlSpan(at, ['CREATE ROLE a\n;\nGRANT b TO a\n;\nGRANT c TO a']).name, 'SQL CREATE ROLE, GRANT');
    const many = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'SHOW', 'RESET', 'CALL'];
    assert.equal(sqlSpan(at, many).name, 'SQL SELECT, INSERT, UPDATE, DELETE, SHOW, …');
  });
});
