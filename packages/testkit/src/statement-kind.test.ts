import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCommit, isDdl } from './statement-kind.ts';

describe('statement kinds', () => {
  it('looks behind spaces and comments', () => {
    for (const sql of ['COMMIT', ' commit;', '-- now\nEND', '/* a */ /* b */ COMMIT'])
      assert.equal(isCommit(sql), true, sql);
    for (const sql of ['COMMENT ON ROLE a IS NULL', 'ROLLBACK', '']) assert.equal(isCommit(sql), false, sql);
    const ddl = ['CREATE ROLE a', '\n grant a to b', '--x\nALTER ROLE a', 'DO $$ BEGIN DROP ROLE a; END $$'];
    for (const sql of ddl) assert.equal(isDdl(sql), true, sql);
    for (const sql of ['SELECT 1 -- CREATE', 'BEGIN', 'DO $$ BEGIN NULL; END $$', 'SET x = 1'])
      assert.equal(isDdl(sql), false, sql);
  });
});
