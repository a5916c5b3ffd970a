/** Runs every example of docs/database/static-roles.md and root-rotation.md, and compares what they say is printed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { configure, startTestServer, type TestServer, connectionTo } from './dev-server.ts';
import { vaultShell } from './docs-shell.ts';
import { blocksOf, executedBlocks } from './documentation.ts';
import { tryLogin } from './logins.ts';

describe('the pages about static roles and root rotation', () => {
  let database: TestDatabase;
  let server: TestServer;

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    await configure(server.client, connectionTo(database));
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  for (const page of ['static-roles.md', 'root-rotation.md']) {
    it(`${page} does what it says`, async () => {
      let printed = '';
      const executed = executedBlocks(`docs/database/${page}`, import.meta.filename).map(({ text: code }) => code);
      for (const { kind, text: code } of blocksOf(`docs/database/${page}`)) {
        if (!executed.includes(code)) assert.equal(printed, code);
        else if (kind === 'sql') await database.query(code);
        else printed = await vaultShell(code, server);
      }
    });
  }

  it('leave the logins as they say', async () => {
    for (const name of ['reporting', 'billing']) {
      const password = (await server.client.read(`database/static-creds/${name}`))?.data?.['password'] as string;
      assert.deepEqual(await tryLogin(database, name, password), { user: name });
      assert.equal(password === 'what-the-application-has-now', name === 'billing');
    }
    assert.ok('refusal' in (await tryLogin(database, 'coffer_admin', 'known-to-people')));
  });
});
