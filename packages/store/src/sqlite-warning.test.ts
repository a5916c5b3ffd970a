import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

it('drops the warning of SQLite, and no other', () => {
  const program = `
    import ${JSON.stringify(join(import.meta.dirname, 'sqlite-warning.ts'))};
    process.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning');
    process.emitWarning('vm is an experimental feature', 'ExperimentalWarning');
    process.emitWarning('SQLite is old', { type: 'DeprecationWarning' });
  `;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  assert.doesNotMatch(stderr, /SQLite is an experimental feature/);
  assert.match(stderr, /ExperimentalWarning: vm is an experimental feature/);
  assert.match(stderr, /DeprecationWarning: SQLite is old/);
});
