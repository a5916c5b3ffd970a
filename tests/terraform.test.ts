/**
 * The requests that Terraform's Vault provider makes for `vault_database_secret_backend_connection` with a `postgresql` block,
 * by its source (hashicorp/terraform-provider-vault:vault/resource_database_secret_backend_connection.go), and what it makes
 * of the answers, under each name of our plugin. What the provider itself asks for everything is in `tests/terraform/`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError, type Client } from '@coffer/client';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { issue, startTestServer, type TestServer } from './dev-server.ts';
import { tryLogin } from './logins.ts';

describe('a connection that Terraform manages', () => {
  let server: TestServer;
  let client: Client;
  let database: TestDatabase;
  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    client = server.client;
    await client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  /** As the provider fills it in: what has no value in the block is there too where Go's zero value is sent. */
  const created = (pluginName: string): JsonObject => ({
    plugin_name: pluginName,
    connection_url: `postgresql://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}`,
    max_open_connections: 2,
    max_idle_connections: 0,
    max_connection_lifetime: '0s',
    username_template: '',
    username: database.user,
    password: database.password,
    disable_escaping: false,
    verify_connection: true,
    allowed_roles: 'app,other',
    root_rotation_statements: ['ALTER ROLE "{{name}}" WITH PASSWORD \'{{password}}\''],
  });

  for (const pluginName of ['postgresql-ysql-plugin', 'postgresql-database-plugin', 'ysql-plugin']) {
    it(`is written, read back, updated and deleted under plugin_name ${pluginName}`, async () => {
      await client.write('database/config/tf', created(pluginName));
      const read = (await client.read('database/config/tf'))?.data ?? {};
      assert.equal(read['plugin_name'], pluginName, 'another name would be a change at every plan');
      assert.equal(read['plugin_version'], '');
      assert.deepEqual(read['allowed_roles'], ['app', 'other']);
      assert.deepEqual(read['root_credentials_rotate_statements'], created('')['root_rotation_statements']);
      const details = read['connection_details'] as JsonObject;
      // Parsed as a duration, which must be a string, and as whole numbers.
      assert.equal(details['max_connection_lifetime'], '0s');
      assert.deepEqual([details['max_open_connections'], details['max_idle_connections']], [2, 0]);
      assert.equal(details['username'], database.user);
      assert.equal(details['disable_escaping'], false);
      assert.ok(!('password' in details));

      // Its update leaves the password out unless it changed.
      const { password, ...update } = created(pluginName);
      assert.equal(password, database.password);
      await client.write('database/config/tf', { ...update, allowed_roles: 'app', max_open_connections: 3 });
      await client.write('database/roles/app', {
        db_name: 'tf',
        creation_statements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`],
      });
      const issued = await issue(client, 'app');
      assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
      await client.write('sys/leases/revoke', { lease_id: issued.leaseId, sync: true });
      await client.delete('database/config/tf');
      assert.equal(await client.read('database/config/tf'), undefined);
    });
  }

  it('is of a plugin that is known by each name, and listed once', async () => {
    const info = async (name: string) => (await client.read(`sys/plugins/catalog/database/${name}`))?.data ?? {};
    const own = await info('ysql-plugin');
    assert.equal(own['builtin'], true);
    for (const alias of ['postgresql-ysql-plugin', 'postgresql-database-plugin']) {
      assert.deepEqual(await info(alias), { ...own, name: alias });
    }
    const keys = (await client.list('sys/plugins/catalog/database'))?.data?.['keys'];
    assert.deepEqual(keys, ['ysql-plugin']);
  });

  it('checks its fields and hides its secrets under each name', async () => {
    for (const name of ['postgresql-ysql-plugin', 'postgresql-database-plugin']) {
      const wrong = client.write('database/config/tf', { ...created(name), sslmod: 'require' });
      const refusal = await wrong.catch((error: unknown) => error);
      assert.ok(refusal instanceof ApiError);
      assert.match(refusal.errors.join(), /sslmod.*sslmode/);
      await client.write('database/config/tf', {
        ...created(name),
        private_key: 'SECRET-KEY',
        verify_connection: false,
      });
      assert.ok(!JSON.stringify(await client.read('database/config/tf')).includes('SECRET-KEY'));
      await client.delete('database/config/tf');
    }
  });
});
