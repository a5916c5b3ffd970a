/** What is written to a connection counts, is refused by name, or is named in the answer's warnings. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError } from '@coffer/client';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { configure, connectionTo, issue, startTestServer, type TestServer } from './dev-server.ts';

let database: TestPostgres;
let server: TestServer;
const CONFIG = 'database/config/yugabytedb';

before(async () => {
  database = await startPostgres();
  server = await startTestServer();
  await configure(server.client, connectionTo(database));
});
after(async () => {
  await server.close();
  await database.stop();
});

const write = async (fields: JsonObject): Promise<readonly string[]> =>
  (await server.client.write(CONFIG, { plugin_name: 'ysql-plugin', ...fields }))?.warnings ?? [];
const details = async (): Promise<JsonObject> =>
  (await server.client.read(CONFIG))?.data?.['connection_details'] as JsonObject;
const url = (query = ''): JsonObject => ({
  connection_url: `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}${query}`,
});
const login = (): JsonObject => ({ username: database.user, password: database.password });
async function refused(fields: JsonObject): Promise<string> {
  const before = await details();
  try {
    await write(fields);
  } catch (error) {
    assert.ok(error instanceof ApiError && error.status === 400, String(error));
    assert.deepEqual(await details(), before, 'nothing was kept');
    return error.errors.join('\n');
  }
  return assert.fail('it was accepted');
}
/** Issues and revokes once. */
async function works(): Promise<void> {
  const { leaseId } = await issue(server.client);
  await server.client.write('sys/leases/revoke', { lease_id: leaseId, sync: true });
}

describe('the settings of a connection', () => {
  it('in two forms: the later one counts, or is refused by the names of both', async () => {
    assert.deepEqual(await write({ ...url('?sslmode=disable'), ...login() }), []);
    await works();
    const text = await refused({ sslmode: 'verify-full' });
    assert.match(text, /field \\?"sslmode\\?" \(verify-full\) contradicts the stored connection_url \(disable\)/);
    // The server has no TLS, so this shows that verify-full counts.
    const whole = { ...connectionTo(database), sslmode: 'verify-full' };
    assert.match(await refused(whole), /does not support SSL\/TLS, but sslmode is verify-full/);
    assert.deepEqual(await write({ ...whole, verify_connection: false }), [
      'the stored connection_url was taken out: host, port, db, sslmode replace it',
    ]);
    assert.equal((await details())['connection_url'], undefined);
    await assert.rejects(issue(server.client), /sslmode is verify-full/);
    assert.deepEqual(await write({ ...url('?sslmode=disable'), ...login() }), [
      'the stored sslmode was taken out: connection_url says otherwise',
    ]);
    await works();
    assert.deepEqual(await write({ ...connectionTo(database), connection_url: '', sslmode: '' }), []);
    await works();
  });

  it('that have no effect are named in the answer', async () => {
    assert.deepEqual(await write({ ...url('?application_name=x&passfile=/p'), ...login(), topology_keys: 'aws.*.*' }), [
      'settings of connection_url that have no effect: application_name, passfile',
      'topology_keys: "aws.*.*" is taken for the whole cloud "aws"; in the drivers, only the zone may be *',
      'topology_keys: no effect with load_balance=false',
    ]);
    // A setting that the next write does not touch is named again.
    assert.match((await write({ allowed_roles: '*' })).join('\n'), /no effect: application_name, passfile/);
    assert.deepEqual(await write({ connection_url: null, topology_keys: '', ...connectionTo(database) }), []);
  });

  it('show no secret in a warning or a refusal', async () => {
    const hush = `postgres://u:Hush-7-hush@${database.host}:${database.port}/d?sslmodus=x&passwrd=Hush-7-hush`;
    const warnings = await write({ connection_url: hush, username: '', password: '', verify_connection: false });
    assert.match(warnings.join('\n'), /did you mean "sslmode"[^]*Password found in connection_url/);
    assert.doesNotMatch(warnings.join('\n') + server.log() + JSON.stringify(await details()), /Hush-7/);
    assert.match(
      await refused({ password: 'Hush-8-hush' }),
      /field \\?"password\\?" contradicts the stored connection_url/,
    );
    assert.doesNotMatch(await refused({ password: 'Hush-8-hush' }), /Hush/);
    await write({ connection_url: '', ...connectionTo(database) });
  });

  it('may name the directory of a Unix socket, as a field, in a URL and in the key=value form', async () => {
    const host = dirname(database.dataDirectory);
    const { port, database: db } = database;
    for (const form of [
      { connection_url: '', host, port, db },
      {
        host: '',
        port: '',
        db: '',
        connection_url: `postgres:///${db}?host=${host}&port=${port}&user=${database.user}`,
      },
      { connection_url: `postgres://{{username}}@${encodeURIComponent(host)}:${port}/${db}` },
      { connection_url: `host='${host}' port=${port} dbname=${db} user='{{username}}' password='{{password}}'` },
    ]) {
      assert.deepEqual(await write({ ...form, ...login() }), [], JSON.stringify(form));
      await works();
    }
    const text = await refused({ connection_url: '', host: '/nowhere', port, db, ...login() });
    assert.match(text, /failed to connect to host=\/nowhere port=\d+ .*no such socket/);
    await write({ connection_url: '', ...connectionTo(database) });
  });

  it('with a placeholder in quotes can be rotated, and is shown as it is', async () => {
    const { port, database: db } = database;
    const connection_url = `host=127.0.0.1 port=${port} dbname=${db} user='{{username}}' password='{{password}}'`;
    assert.deepEqual(await write({ host: '', port: '', db: '', connection_url, ...login() }), []);
    assert.equal((await details())['connection_url'], connection_url);
    await server.client.write('database/rotate-root/yugabytedb', {});
    await works();
  });
});
