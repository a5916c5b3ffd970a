/** A move from a source that fails on the way: what passes is waited for, what does not is said, and the next run goes on. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type Ran, runCli } from '../../packages/cli/src/cli-fixture.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { type RecordedSource, startRecordedSource } from './recorded-source.ts';
import { SOURCE_TOKEN } from './running-openbao.ts';

describe('migrate vault, from a source that fails', () => {
  let database: TestDatabase;
  let source: RecordedSource;
  let target: TestServer;

  before(async () => {
    database = await databaseUnderTest();
    source = await startRecordedSource(database);
    target = await startTestServer();
  });
  beforeEach(() => (source.instead = () => undefined));
  after(async () => {
    await target.close();
    await source.close();
    await database.stop();
  });

  const migrate = (token = SOURCE_TOKEN): Promise<Ran> =>
    runCli(['migrate', 'vault', `-from=${source.address}`], {
      env: { VAULT_ADDR: target.address, VAULT_TOKEN: 'root', VAULT_FROM_TOKEN: token },
    });
  const MISSING = { status: 503, body: { errors: ['no active node'] } };

  it('stops with the path and what to do when it stays away', async () => {
    source.instead = (path) => (path.startsWith('/v1/sys/policies/password?') ? MISSING : undefined);
    const { exitCode, stderr, stdout } = await migrate();
    assert.equal(exitCode, 2);
    assert.match(stdout, /^created +policy +sys\/policies\/acl\/app$/m);
    assert.equal(
      stderr,
      `cannot list sys/policies/password (source ${source.address}): 503 no active node\n` +
        'Stopped after 1 created, 1 stays. Run the same command again to go on.\n',
    );
  });

  it('waits for what passes, and goes on where it stopped', async () => {
    let failures = 2;
    source.instead = (path) => (path === '/v1/sys/mounts' && failures-- > 0 ? MISSING : undefined);
    const { stdout, stderr } = await migrate();
    assert.deepEqual([stderr, failures], ['', -1]);
    assert.match(stdout, /^same +policy +sys\/policies\/acl\/app$/m);
    assert.match(stdout, /^created +secrets engine +sys\/mounts\/database$/m);
  });

  it('goes around what the token may not read, and says so', async () => {
    const refused = { status: 403, body: { errors: ['permission denied'] } };
    source.instead = (path) => (/static-creds|leases/.test(path) ? refused : undefined);
    await target.client.write('database/config/yugabytedb', {
      plugin_name: 'ysql-plugin',
      ...{ host: database.host, port: database.port, db: database.database, password: database.password },
      ...{ username: database.user, allowed_roles: ['app', 'reporting'], password_policy: 'letters' },
      username_template: 'moved-{{.RoleName}}-{{random 12}}',
    });
    const { exitCode, stdout } = await migrate();
    assert.equal(exitCode, 2);
    assert.match(stdout, /^same +connection +database\/config\/yugabytedb: left out: retry_on_failure$/m);
    assert.match(
      stdout,
      /^waits +static role +database\/static-roles\/reporting: its password cannot be read, .* 403 permission denied$/m,
    );
    assert.match(stdout, /^unread +lease .*: not read: cannot list .* 403 permission denied$/m);
    assert.equal(await target.client.read('database/static-roles/reporting'), undefined);
  });

  it('says which of the two does not take the token', async () => {
    const { exitCode, stdout } = await migrate('wrong');
    assert.equal(exitCode, 2);
    assert.match(
      stdout,
      new RegExp(`^unread +policy .*cannot list sys/policies/acl \\(source ${source.address}\\): 403`, 'm'),
    );
  });
});
