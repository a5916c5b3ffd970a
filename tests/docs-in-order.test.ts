/**
 * Runs the pages about the database in the order in which people read them, on one server and one database, as one admin: what a page
 * leaves behind is what the next one finds.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { splitSql } from '@coffer/ysql';
import { DIST, type ServerProcess, startServer } from './coffer-process.ts';
import { asInRepository, atPlaces, PagesShell } from './docs-shell.ts';
import { type Block, blocksOf, pagesInOrder } from './documentation.ts';
import { normalizeText } from './golden/normalize.ts';
import { tryLogin } from './logins.ts';

const STAND_INS = ['yb_db_admin'];
/** What the credentials of a role may do, by the pages that make it. */
const GRANTED: Readonly<Record<string, string>> = {
  'my-first-role': "has_database_privilege($1::name, current_database(), 'CREATE')",
  app: "pg_has_role($1::name, 'app_readers', 'MEMBER')",
};

describe('the pages about the database, in order', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let shell: PagesShell;
  let directory: string;
  let rolesBefore: readonly string[];

  before(async () => {
    database = await databaseUnderTest();
    for (const role of STAND_INS) {
      if (!(await roles()).includes(role)) await database.query(`CREATE ROLE ${role}`);
    }
    rolesBefore = await roles();
    server = await startServer([`-dev-plugin-dir=${DIST}`]);
    directory = await asInRepository();
    shell = new PagesShell({ address: server.address, cwd: directory });
  });
  after(async () => {
    await shell.end();
    await rm(directory, { recursive: true });
    await server.stop();
    await database.stop();
  });

  const roles = async (): Promise<string[]> =>
    (await database.query('SELECT rolname FROM pg_roles ORDER BY rolname')).map(({ rolname }) => String(rolname));
  /** Resolves with what it printed; undefined for what is not to be run. */
  async function run({ kind, text }: Block): Promise<string | undefined> {
    if (kind.startsWith('sql') && !text.includes('{{')) {
      for (const statement of splitSql(text)) await database.query(statement);
      return '';
    }
    return kind === 'sh' && !text.startsWith('npm ')
      ? await shell.run(atPlaces(text, server.address, database))
      : undefined;
  }

  /** A new user can do what the pages say, and nothing was ignored. */
  async function assertUsable(role: string, granted: string): Promise<void> {
    const answer = JSON.parse(await shell.run(`vault read -format=json database/creds/${role}`)) as {
      readonly data: { readonly username: string; readonly password: string };
      readonly warnings: unknown;
    };
    const { username, password } = answer.data;
    assert.deepEqual(await tryLogin(database, username, password), { user: username });
    assert.equal(answer.warnings, null);
    assert.deepEqual(await database.query(`SELECT ${granted} AS granted`, [username]), [{ granted: true }], role);
  }

  for (const page of pagesInOrder()) {
    it(`${page} does what it says`, async () => {
      let printed: string | undefined;
      for (const block of blocksOf(page)) {
        if (block.kind !== 'text') printed = await run(block);
        else if (printed !== undefined) assert.equal(normalizeText(printed), normalizeText(block.text));
      }
      const made = await shell.run('vault list -format=json database/roles || true');
      for (const [role, granted] of Object.entries(GRANTED)) {
        if (made.includes(`"${role}"`)) await assertUsable(role, granted);
      }
    });
  }

  it('leave the logins of static roles as they say, and the admin with a password that nobody knows', async () => {
    for (const name of ['reporting', 'billing']) {
      const password = (await shell.run(`vault read -field=password database/static-creds/${name}`)).trim();
      assert.deepEqual(await tryLogin(database, name, password), { user: name });
      assert.equal(password === 'what-the-application-has-now', name === 'billing');
    }
    assert.ok('refusal' in (await tryLogin(database, 'vault_admin', 'change-me')));
  });

  it('leave no lease that cannot be revoked, and no user', async () => {
    await shell.run('vault lease revoke -sync -prefix database/creds');
    assert.match(await shell.run('vault read -format=json sys/leases/count type=irrevocable'), /"lease_count": 0/);
    assert.equal((await shell.run('vault list -format=json sys/leases/lookup/database/ || true')).trim(), '{}');
    const made = pagesInOrder().flatMap((page) =>
      blocksOf(page)
        .filter(({ kind, text }) => kind.startsWith('sql') && !text.includes('{{'))
        .flatMap(({ text }) => [...text.matchAll(/CREATE ROLE (\w+)/g)].map(([, name = '']) => name)),
    );
    assert.deepEqual(await roles(), [...rolesBefore, ...made].sort());
    assert.doesNotMatch(server.output().split('server started!')[1] ?? '[ERROR]', /\[ERROR\]/);
  });
});
