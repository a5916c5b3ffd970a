/** The product is tested as the admin of docs/database/admin-user.md, who is no superuser. */
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { documentedAdmin } from '@coffer/testkit';
import { splitSql } from '@coffer/ysql';
import { blocksOf } from './documentation.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** Where a superuser is spoken of, and what for. Everywhere else the product logs in as the documented admin. */
const SUPERUSERS: Readonly<Record<string, string>> = {
  'packages/ysql/src/users/drop-user.test.ts': 'nothing of a revoked user may come to run with a superuser’s rights',
  'packages/ysql/src/users/drop-users.test.ts': 'a role that the admin may not drop, among others that it may',
  'tests/statement-counts.test.ts': 'what a superuser saves is in the documentation',
  'tests/crash/dead-process.test.ts': 'holds up the product’s statements from outside, and looks at its sessions',
  'tests/least-privilege.test.ts': 'runs the SQL of the page, not the product',
  'tests/suite-admin.test.ts': 'looks for it',
};

describe('the admin that all tests give to the product', () => {
  it('is made by the SQL of the page', () => {
    const blocks = blocksOf('docs/database/admin-user.md');
    assert.deepEqual(
      documentedAdmin({ user: 'vault_admin', password: 'change-me' }, 'yugabyte'),
      ['sql admin', 'sql database'].flatMap((kind) =>
        splitSql(blocks.find((block) => block.kind === kind)?.text ?? ''),
      ),
    );
  });

  it('is no superuser, but where a file says why', async () => {
    const found: string[] = [];
    for await (const file of glob(['packages/**/*.ts', 'tests/**/*.ts', 'apps/**/*.ts'], {
      cwd: ROOT,
    })) {
      if (file.includes('node_modules') || file.startsWith('packages/testkit/')) continue;
      const text = await readFile(join(ROOT, file), 'utf8');
      if (/admin: 'superuser'|\.superuser\b|\bSUPERUSER\b/.test(text)) found.push(file);
    }
    assert.deepEqual(found.sort(), Object.keys(SUPERUSERS).sort());
  });
});
