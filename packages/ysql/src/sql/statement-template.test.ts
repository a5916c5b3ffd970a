import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderStatements } from './statement-template.ts';

const kindOf = (sql: string) => renderStatements([sql], { name: 'x' })[0]?.kind;
const makesUser = (sql: string) => renderStatements([sql], { name: 'X', username: 'X' })[0]?.makesUser;

describe('renderStatements', () => {
  it('knows what a statement is by its first words', () => {
    for (const sql of ['CREATE ROLE "x" LOGIN IN ROLE app', '/* c */ create  user y'])
      assert.equal(kindOf(sql), 'create-role');
    assert.equal(kindOf('ALTER ROLE "x" NOLOGIN'), 'alter-role');
    assert.equal(kindOf('grant a TO x'), 'grant');
    assert.equal(kindOf('REVOKE a FROM b'), 'revoke');
    for (const sql of ['DROP ROLE a', 'drop user a', 'DROP OWNED BY a', 'REASSIGN OWNED BY a TO b'])
      assert.equal(kindOf(sql), 'drop', sql);
    for (const sql of [
      'DO $$ CREATE ROLE x $$',
      'CREATE TABLE role()',
      'CREATE USER MAPPING FOR x',
      'ALTER USER MAPPING FOR x',
      'ALTER DATABASE x RENAME TO y',
      'SET ROLE a',
      'DROP TABLE a',
      'COMMIT',
    ]) {
      assert.equal(kindOf(sql), 'other', sql);
    }
  });
  it('knows which statement may name what has a schema', () => {
    const usesPath = (sql: string) => renderStatements([sql], { name: 'x' })[0]?.usesPath;
    for (const sql of [
      'GRANT SELECT ON things TO x',
      'REVOKE EXECUTE ON FUNCTION f() FROM x',
      'GRANT SELECT ON ALL TABLES IN SCHEMA app TO x',
      'ALTER ROLE x SET search_path FROM CURRENT',
      'DO $$ BEGIN NULL; END $$',
      'DROP TABLE things',
    ])
      assert.equal(usesPath(sql), true, sql);
    for (const sql of [
      'CREATE ROLE "on" LOGIN IN ROLE app',
      'GRANT app TO x',
      'GRANT "ON" TO x',
      'GRANT ALL ON DATABASE app TO x',
      'REVOKE USAGE ON /* the */ SCHEMA app FROM x',
      `ALTER ROLE x VALID UNTIL '2030-01-01'`,
      'DROP OWNED BY x',
    ])
      assert.equal(usesPath(sql), false, sql);
  });
  it('knows which statement makes the user', () => {
    for (const sql of ['CREATE ROLE "{{name}}" LOGIN', 'create user /* c */ "{{username}}"'])
      assert.ok(makesUser(sql), sql);
    for (const sql of [
      'CREATE ROLE {{name}} LOGIN',
      'CREATE ROLE "a" IN ROLE "{{name}}"',
      'CREATE ROLE "a{{name}}"',
      'GRANT x TO "{{name}}"',
    ]) {
      assert.ok(!makesUser(sql), sql);
    }
  });
  it('refuses a COPY that waits for data from the client, and no other', () => {
    for (const sql of [
      'COPY things FROM STDIN',
      'copy things (id) /* c */ from\n stdin WITH (FORMAT csv)',
      'COPY t FROM STDOUT',
    ])
      assert.throws(() => kindOf(sql), { code: 'invalid-request', message: /nobody sends the data/ }, sql);
    for (const sql of [
      `COPY things FROM '/tmp/x'`,
      'COPY things TO STDOUT',
      'COPY "from" TO stdin',
      `SELECT 'COPY FROM STDIN'`,
    ])
      assert.equal(kindOf(sql), 'other', sql);
  });
  it('fills the same statements in anew for each user', () => {
    const sql = [`CREATE ROLE "{{name}}"; GRANT a TO "{{name}}"`];
    for (const name of ['one', 'two', 'one']) {
      const statements = renderStatements(sql, { name }).map((statement) => statement.sql);
      assert.deepEqual(statements, [`CREATE ROLE "${name}"`, `GRANT a TO "${name}"`]);
    }
  });
  it('keeps a bounded number of roles in mind, and is right for all', () => {
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < 200; at++) {
        assert.deepEqual(
          renderStatements([`SELECT '{{name}}', ${at}`], { name: 'n' }).map(({ sql }) => sql),
          [`SELECT 'n', ${at}`],
        );
      }
    }
  });
});
