/** Runs the examples of docs/database that are about short-lived users, and looks at the users that they make. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { configure, type Issued, issue, startTestServer, type TestServer, connectionTo } from './dev-server.ts';
import { vaultShell } from './docs-shell.ts';
import { executedBlocks } from './documentation.ts';
import { tryLogin } from './logins.ts';

const examples = (page: string) => executedBlocks(`docs/database/${page}`, import.meta.filename);

describe('the pages about short-lived users', () => {
  let database: TestPostgres;
  let server: TestServer;
  beforeEach(async () => {
    database = await startPostgres();
    server = await startTestServer();
    await configure(server.client, connectionTo(database));
  });
  afterEach(async () => {
    await server.close();
    await database.stop();
  });

  async function assertReader({ leaseId, username, password }: Issued): Promise<void> {
    assert.deepEqual(await tryLogin(database, username, password), { user: username });
    const [row] = await database.query(`SELECT pg_has_role($1, 'app_readers', 'MEMBER') AS member`, [username]);
    assert.equal(row?.['member'], true);
    await server.client.write('sys/leases/revoke', { lease_id: leaseId });
  }

  it('statements.md: both ways to make a member of a group', async () => {
    const [byGrant, group, inRole, ...others] = examples('statements.md');
    assert.deepEqual(others, []);
    await database.query('CREATE SCHEMA app');
    await database.query('CREATE TABLE app.things (id int)');
    await database.query('CREATE ROLE app_readers');
    await vaultShell(byGrant?.text ?? '', server);
    await assertReader(await issue(server.client, 'app'));

    await database.query(group?.text ?? '');
    await vaultShell(inRole?.text ?? '', server);
    const role = (await server.client.read('database/roles/app'))?.data;
    assert.equal(role?.['valid_until'], 'max_ttl');
    await assertReader(await issue(server.client, 'app'));
  });

  it('username-template.md: the name that its template gives', async () => {
    const [template, ...others] = examples('username-template.md');
    assert.deepEqual(others, []);
    await vaultShell(template?.text ?? '', server);
    assert.match((await issue(server.client)).username, /^my-first-role_[a-z0-9]{12}_\d{10}$/);
  });

  it('revocation.md: what is owed', async () => {
    const [newLease, lookup, irrevocable, ...others] = examples('revocation.md');
    assert.match(newLease?.text ?? '', /^LEASE=/);
    assert.deepEqual(others, []);
    await server.client.write('database/roles/my-first-role', { revocation_statements: 'SELECT 1/0' });
    const { leaseId } = await issue(server.client);
    await assert.rejects(server.client.write('sys/leases/revoke', { lease_id: leaseId, sync: true }));
    const printed = await vaultShell(lookup?.text ?? '', { address: server.address, env: { LEASE: leaseId } });
    assert.match(printed, /^revocation_error +.*division by zero \(SQLSTATE 22012\)/m);
    assert.match(printed, /^revocation_attempts +\d/m);
    assert.match(printed, /^next_revocation +\d{4}-/m);
    for (let attempts = 1; attempts < 6; attempts++) {
      await assert.rejects(server.client.write('sys/leases/revoke', { lease_id: leaseId, sync: true }));
    }
    const counted = await vaultShell(irrevocable?.text ?? '', server);
    assert.match(counted, /^lease_count +1$/m);
    assert.ok(counted.includes(`"lease_id": "${leaseId}"`), counted);
    assert.match(counted, /"error": ".*division by zero/);
    await server.client.request('PUT', `sys/leases/revoke-force/database/creds`, { body: {} });
  });
});
