/** The paths of the database engine that no other test walks: lists, merging, reset, reload, versions, TTL formats. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { configure, issue, startTestServer, type TestServer, connectionTo } from './dev-server.ts';
import { putPlugin } from './plugin-file.ts';

describe('the database engine', () => {
  let database: TestDatabase;
  let server: TestServer;
  let directory: string;
  let sha256: string;

  before(async () => {
    database = await databaseUnderTest();
    directory = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
    sha256 = await putPlugin(directory);
    server = await startTestServer({ pluginDirectory: directory });
    await configure(server.client, connectionTo(database));
  });
  after(async () => {
    await server.close();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  const write = (path: string, fields: JsonObject) => server.client.write(`database/${path}`, fields);
  const read = async (path: string): Promise<JsonObject> => (await server.client.read(`database/${path}`))?.data ?? {};
  const remove = (path: string) => server.client.request('DELETE', `database/${path}`);
  const get = async (path: string): Promise<{ status: number; body: JsonObject }> => {
    const answer = await fetch(`${server.address}/v1/database/${path}`, { headers: { 'x-vault-token': 'root' } });
    return { status: answer.status, body: (await answer.json()) as JsonObject };
  };
  /** Undefined when there is nothing to list. */
  const keys = async (path: string, query = ''): Promise<string[] | undefined> => {
    const { status, body } = await get(`${path}?list=true${query}`);
    return status === 404 ? undefined : ((body['data'] as JsonObject)['keys'] as string[]);
  };

  it('lists connections, roles and static roles, page by page', async () => {
    const names = ['list-a', 'list-b', 'list-c'];
    for (const name of names) await database.query(`CREATE ROLE "${name}" LOGIN PASSWORD 'known'`);
    const config = { plugin_name: 'ysql-plugin', verify_connection: false, ...connectionTo(database) };
    const imported = { db_name: 'yugabytedb', password: 'known', skip_import_rotation: true, rotation_period: '1h' };
    const made = {
      config: () => config,
      roles: () => ({ db_name: 'yugabytedb' }),
      'static-roles': (name: string) => ({ ...imported, username: name.replace('static-', '') }),
    };
    assert.equal(await keys('static-roles'), undefined);
    for (const [kind, fields] of Object.entries(made)) {
      // A role and a static role cannot have the same name.
      const own = kind === 'static-roles' ? names.map((name) => `static-${name}`) : names;
      for (const name of own) await write(`${kind}/${name}`, fields(name));
      const shown = (await keys(kind)) ?? [];
      assert.deepEqual(
        own.filter((name) => shown.includes(name)),
        own,
        kind,
      );
      assert.deepEqual(await keys(kind, `&after=${own[0]}&limit=1`), own.slice(1, 2));
      for (const name of own) await remove(`${kind}/${name}`);
    }
    assert.equal(await keys('static-roles'), undefined);
    for (const name of names) await database.query(`DROP ROLE "${name}"`);
  });

  it('merges an update of a connection, and shows no password', async () => {
    const url = `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}`;
    const { username, password } = connectionTo(database);
    const first = { plugin_name: 'ysql-plugin', connection_url: url, username, password, allowed_roles: 'a,b*' };
    await write('config/merged', {
      ...first,
      username_template: 'one_{{random 8}}',
      root_rotation_statements: 'SELECT 1',
    });
    await write('config/merged', { allowed_roles: ['c'], max_open_connections: 2 });
    const shown = await read('config/merged');
    assert.deepEqual(shown, {
      allowed_roles: ['c'],
      connection_details: {
        connection_url: url,
        max_open_connections: 2,
        username,
        username_template: 'one_{{random 8}}',
      },
      password_policy: '',
      plugin_name: 'ysql-plugin',
      plugin_version: '',
      root_credentials_rotate_statements: ['SELECT 1'],
    });
    await remove('config/merged');
    assert.deepEqual(await read('config/merged'), {});
  });

  it('names users by the template of their connection', async () => {
    for (const name of ['one', 'two']) {
      await write(`config/${name}`, {
        plugin_name: 'ysql-plugin',
        allowed_roles: '*',
        username_template: `${name}_{{random 8 | lowercase}}`,
        ...connectionTo(database),
      });
      await write(`roles/of-${name}`, {
        db_name: name,
        creation_statements: `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`,
      });
      const issued = await issue(server.client, `of-${name}`);
      assert.match(issued.username, new RegExp(`^${name}_[a-z0-9]{8}$`));
      await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
      await remove(`config/${name}`);
    }
    const wrong = { plugin_name: 'ysql-plugin', username_template: '{{foo}}', ...connectionTo(database) };
    await assert.rejects(write('config/one', wrong), /field \\?"username_template.*function \\?"foo\\?" not defined/);
  });

  it('resets a connection, and reloads all of a plugin', async () => {
    await write('config/second', { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(database) });
    const answer = await write('reload/ysql-plugin', {});
    assert.deepEqual(answer?.data, { connections: ['second', 'yugabytedb'], count: 2 });
    await assert.rejects(write('reload/absent', {}), /no connection uses the plugin \\?"absent/);
    await write('reset/second', {});
    await assert.rejects(write('reset/absent', {}), /failed to find entry for connection with name: \\?"absent/);
    const issued = await issue(server.client);
    await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
    await remove('config/second');
    assert.deepEqual((await write('reload/ysql-plugin', {}))?.data, { connections: ['yugabytedb'], count: 1 });
  });

  it('runs the version of a plugin that a connection asks for', async () => {
    const catalog = 'sys/plugins/catalog/database/ysql-plugin';
    await server.client.write(catalog, { sha256, command: 'ysql-plugin', version: 'v7.0.0' });
    const config = { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(database) };
    await write('config/versioned', { ...config, plugin_version: 'v7.0.0' });
    const { plugin_version, running_plugin_version } = await read('config/versioned');
    assert.deepEqual([plugin_version, running_plugin_version], ['v7.0.0', 'v7.0.0']);
    await assert.rejects(write('config/versioned', { plugin_version: 'v8.0.0' }), /plugin not found in the catalog/);
    assert.equal((await read('config/versioned'))['plugin_version'], 'v7.0.0');
    await remove('config/versioned');
  });

  it('takes TTLs in every format of Vault', async () => {
    for (const [given, seconds] of [
      [90, 90],
      ['90', 90],
      ['90s', 90],
      ['1h30m', 5400],
      ['1d', 86_400],
      [0, 0],
      ['', 0],
    ] as const) {
      await write('roles/ttl', { db_name: 'yugabytedb', default_ttl: given, max_ttl: given });
      const { default_ttl: defaultTtl, max_ttl: maxTtl } = await read('roles/ttl');
      assert.deepEqual([defaultTtl, maxTtl], [seconds, seconds], String(given));
    }
    await assert.rejects(write('roles/ttl', { default_ttl: 'soon' }), /field \\?"default_ttl/);
  });

  it('refuses credentials that PostgreSQL has not', async () => {
    for (const type of ['rsa_private_key', 'client_certificate', 'x']) {
      await assert.rejects(
        write('roles/typed', { db_name: 'yugabytedb', credential_type: type }),
        /field \\?"credential_type.*is not supported by PostgreSQL; use \\?"password/,
      );
    }
    await assert.rejects(write('roles/typed', { creation_statements: 'SELECT 1' }), /database name is required/);
  });

  it('explains every path', async () => {
    for (const path of [
      'config/x',
      'reset/x',
      'reload/x',
      'rotate-root/x',
      'roles',
      'roles/x',
      'creds/x',
      'static-roles',
      'static-roles/x',
      'static-creds/x',
      'rotate-role/x',
    ]) {
      const { help } = (await get(`${path}?help=1`)).body as { help: string };
      assert.match(help, new RegExp(`^Request: +${path.replace('/x', '/:')}`), path);
      assert.ok(help.split('\n').length > 2, path);
    }
  });
});
