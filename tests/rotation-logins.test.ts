/** Login profiles lock a user out after a few wrong passwords: a rotation tries none for the sake of it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { makeAdmin, startPostgres, type TestPostgres } from '@coffer/testkit';
import { configure, startTestServer, type TestServer } from './dev-server.ts';

describe('the logins that a rotation tries', () => {
  let database: TestPostgres;
  let server: TestServer;
  let logBefore = 0;

  before(async () => {
    database = await startPostgres();
    await makeAdmin(database, { user: 'tried_root', password: 'chosen' });
    await database.query("CREATE ROLE tried_app LOGIN PASSWORD 'chosen'");
    server = await startTestServer();
    await configure(server.client, {
      host: database.host,
      port: database.port,
      username: 'tried_root',
      password: 'chosen',
      db: database.database,
    });
    await write('static-roles/app', { db_name: 'yugabytedb', username: 'tried_app', rotation_period: '24h' });
  });
  after(async () => {
    await server.close();
    await database.stop();
  });
  beforeEach(() => (logBefore = database.log().length));

  const write = (path: string, fields: Record<string, string>) => server.client.write(`database/${path}`, fields);
  const refused = (user: string): number =>
    database.log().slice(logBefore).split(`password authentication failed for user "${user}"`).length - 1;

  it('are none with a wrong password, when it succeeds', async () => {
    await write('rotate-root/yugabytedb', {});
    await write('rotate-role/app', {});
    assert.deepEqual([refused('tried_root'), refused('tried_app')], [0, 0]);
  });

  it('are one with the new password, when the statements fail', async () => {
    await write('config/yugabytedb', { root_rotation_statements: 'SELECT 1/0' });
    await assert.rejects(write('rotate-root/yugabytedb', {}), /division by zero/);
    await write('static-roles/app', { rotation_statements: 'SELECT 1/0' });
    await assert.rejects(write('rotate-role/app', {}), /division by zero/);
    assert.deepEqual([refused('tried_root'), refused('tried_app')], [1, 1]);
  });
});
