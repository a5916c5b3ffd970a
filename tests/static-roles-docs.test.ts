/** Runs every example of docs/database/static-roles.md and root-rotation.md, and compares what they say is printed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { COFFER, cleanEnvironment, ended } from './coffer-process.ts';
import { configure, startTestServer, type TestServer } from './dev-server.ts';
import { tryLogin } from './logins.ts';

const docs = resolve(import.meta.dirname, '..', 'docs', 'database');

describe('the pages about static roles and root rotation', () => {
  let database: TestDatabase;
  let server: TestServer;

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    await configure(server.client, {
      host: database.host,
      port: database.port,
      username: database.user,
      password: database.password,
      db: database.database,
    });
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  for (const page of ['static-roles.md', 'root-rotation.md']) {
    it(`${page} does what it says`, async () => {
      let printed = '';
      for (const [, kind = '', code = ''] of readFileSync(join(docs, page), 'utf8').matchAll(
        /^```(\w+)\n([\s\S]*?)^```$/gm,
      )) {
        if (kind === 'sql') await database.query(code);
        else if (kind === 'sh') printed = await shell(code);
        else assert.equal(printed, code);
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

  async function shell(script: string): Promise<string> {
    const child = spawn('bash', ['-c', `set -eu\nvault() { "${COFFER}" "$@"; }\n${script}`], {
      env: { ...cleanEnvironment(), VAULT_ADDR: server.address, VAULT_TOKEN: 'root' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
    assert.equal(code, 0, `${script}\n${stderr}`);
    return stdout;
  }
});
