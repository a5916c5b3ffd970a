/** Runs every command of docs/auth.md, in order, in one shell. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { COFFER, cleanEnvironment, ended } from '../coffer-process.ts';
import { configure, startTestServer, type TestServer } from '../dev-server.ts';
import { issuedRoles } from '../logins.ts';

const root = resolve(import.meta.dirname, '..', '..');

describe('docs/auth.md', () => {
  let database: TestDatabase;
  let server: TestServer;

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    const { host, port, user: username, password, database: db } = database;
    await configure(server.client, { host, port, username, password, db });
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  it('does what it says', async () => {
    const page = readFileSync(join(root, 'docs', 'auth.md'), 'utf8');
    const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
    assert.ok(commands.length >= 8);
    const vault = `vault() { "${COFFER}" "$@"; }`;
    const child = spawn('bash', ['-c', ['set -eu', vault, ...commands].join('\n')], {
      cwd: root,
      env: cleanEnvironment({ VAULT_ADDR: server.address, VAULT_TOKEN: 'root' }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
    assert.equal(exit, 0, `${stderr}\n${stdout}`);
    // Both users that the page made, the one that was handed over wrapped among them.
    const users = await issuedRoles(database);
    assert.equal(users.length, 2);
    for (const user of users) assert.ok(stdout.includes(user), user);
    assert.match(stdout, /token_meta_username +ana/);
    assert.match(stdout, /token_policies +\["app" "default"\]/);
    assert.match(stdout, /creation_path +database\/creds\/my-first-role/);
    assert.match(stdout, /"keys":\["default"\]/);
  });
});
