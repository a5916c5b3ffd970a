/** What docs/database/admin-user.md says of leases that were made before a connection was switched to another admin. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { databaseUnderTest, dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { configure, connectionTo, issue, startTestServer, type TestServer } from './dev-server.ts';
import { issuedRoles } from './logins.ts';

const ADMIN = { user: 'vault_admin', password: 'change-me' };
const AS_ADMIN = { username: ADMIN.user, password: ADMIN.password };

describe('a lease made before its connection was switched to another admin', () => {
  let database: TestDatabase;
  let server: TestServer;
  beforeEach(async () => {
    database = await databaseUnderTest();
    await makeAdmin(database, ADMIN);
    server = await startTestServer();
    await configure(server.client, connectionTo(database));
  });
  afterEach(async () => {
    await server.close();
    await dropAdmin(database, ADMIN.user);
    await database.stop();
  });

  const revoke = (leaseId: string) => server.client.write('sys/leases/revoke', { lease_id: leaseId, sync: true });

  it('stays with what the former admin gave as its error, until that one is there again or a superuser acts for it', async () => {
    const { username: former, password } = connectionTo(database);
    const [first, second] = [await issue(server.client), await issue(server.client)];
    await server.client.write('database/config/yugabytedb', AS_ADMIN);
    for (const { leaseId } of [first, second]) {
      await assert.rejects(revoke(leaseId), /privileges for database .*2BP01/s);
    }
    assert.deepEqual(await issuedRoles(database), [first.username, second.username].sort());
    await database.query(
      `SET ROLE "${former}"; REVOKE ALL ON DATABASE "${database.database}" FROM "${first.username}"; RESET ROLE`,
    );
    await revoke(first.leaseId);
    await server.client.write('database/config/yugabytedb', { username: former, password });
    await revoke(second.leaseId);
    assert.deepEqual(await issuedRoles(database), []);
  });

  it('ends through the connection that made it, where the role was given another one', async () => {
    const { leaseId: before } = await issue(server.client);
    const connection = { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(database), ...AS_ADMIN };
    await server.client.write('database/config/yugabytedb-2', connection);
    await server.client.write('database/roles/my-first-role', { db_name: 'yugabytedb-2' });
    const { leaseId: after } = await issue(server.client);
    const rows = await database.query('SELECT datacl::text AS acl FROM pg_database WHERE datname = current_database()');
    assert.match(String(rows[0]?.['acl']), /\/vault_admin/, 'the new user has its privileges from the new admin');
    await revoke(before);
    await revoke(after);
    assert.deepEqual(await issuedRoles(database), []);
  });
});
