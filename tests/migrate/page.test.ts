/** Runs the commands of docs/moving.md, from an OpenBao as it was recorded to a development server, and compares what they print. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type ServerProcess, startServer } from '../coffer-process.ts';
import { vaultShell } from '../docs-shell.ts';
import { blocksOf, executedBlocks } from '../documentation.ts';
import { tryLogin } from '../logins.ts';
import { RECORDED_PASSWORD, type RecordedSource, startRecordedSource } from './recorded-source.ts';
import { REPORTING, SOURCE_TOKEN } from './running-openbao.ts';

const PAGE = 'docs/moving.md';

describe(PAGE, () => {
  let directory: string;
  let database: TestDatabase;
  let source: RecordedSource;
  let server: ServerProcess;
  const deleted: string[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-moving-'));
    database = await databaseUnderTest();
    await database.query(`CREATE ROLE ${REPORTING} LOGIN PASSWORD '${RECORDED_PASSWORD}'`);
    source = await startRecordedSource(database);
    // The page has one connection.
    source.instead = (path, method) => {
      if (method === 'DELETE') deleted.push(path);
      if (method === 'DELETE') return { status: 204 };
      const connections = path.startsWith('/v1/database/config?');
      return connections ? { status: 200, body: { data: { keys: ['yugabytedb'] } } } : undefined;
    };
    server = await startServer();
  });
  after(async () => {
    await server.stop();
    await source.close();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  it('does what it says', async () => {
    const executed = executedBlocks(PAGE, import.meta.filename).map(({ text }) => text);
    const env = { VAULT_FROM_TOKEN: SOURCE_TOKEN, MOVING: directory };
    let printed = '';
    for (const { text } of blocksOf(PAGE)) {
      if (!executed.includes(text)) {
        assert.equal(printed.replaceAll(source.address, 'https://vault.example.com:8200'), text);
        continue;
      }
      const script = text
        .replaceAll('https://vault.example.com:8200', source.address)
        .replaceAll('password-of-the-admin', database.password);
      printed = await vaultShell(script, { address: server.address, env });
    }
    assert.deepEqual(deleted, ['/v1/database/static-roles/reporting']);
  });

  it('leaves a server that hands out what logs in', async () => {
    const issued = await server.run(['read', '-format=json', 'database/creds/app']);
    const { username, password } = (JSON.parse(issued.stdout) as { data: { username: string; password: string } }).data;
    assert.deepEqual(await tryLogin(database, username, password), { user: username });
    const kept = await server.run(['read', '-field=password', 'database/static-creds/reporting']);
    assert.deepEqual(await tryLogin(database, REPORTING, kept.stdout), { user: REPORTING });
  });
});
