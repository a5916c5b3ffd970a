/** The recorded session's auth methods, logins and wrapping, exchange by exchange, without the command line. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { configure, startTestServer, type TestServer } from '../dev-server.ts';
import { normalizeBody } from '../golden/normalize.ts';
import { readRecording } from '../golden/recording.ts';
import { apiAt, type Api } from './api.ts';

/** What the recording has and we make ourselves: ids, accessors, names of users. */
const MASKED = [
  'role_id',
  'secret_id',
  'secret_id_accessor',
  'accessor',
  'client_token',
  'token',
  'uuid',
  'request_id',
  'username',
  'password',
  'lease_id',
  'creation_time',
  'running_plugin_version',
  // Coffer has no identities.
  'entity_id',
];
const STEPS = /sys\/auth|auth\/(approle|userpass)|sys\/wrapping|db1\/creds/;

describe('the recorded session of auth methods and wrapping', () => {
  let database: TestDatabase;
  let server: TestServer;
  let api: Api;
  const ours = new Map<string, string>();

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    api = apiAt(server.address);
    const { host, port, user: username, password, database: db } = database;
    await configure(server.client, { host, port, username, password, db });
    await api.ok('POST', 'sys/mounts/db1', {
      type: 'database',
      config: { default_lease_ttl: '30m', max_lease_ttl: '2h' },
    });
    await api.ok('PUT', 'db1/config/yb', {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      host,
      port,
      username,
      password,
      db,
    });
    await api.ok('PUT', 'db1/roles/app', {
      db_name: 'yb',
      creation_statements: `CREATE ROLE "{{username}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' LOGIN;`,
    });
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  const exchanges = readRecording('rotation-wrapping-auth-session.jsonl')
    .flatMap(({ http }) => http)
    .slice(0, -8)
    .filter(({ request }) => STEPS.test(request.path));

  for (const [index, { request, response }] of exchanges.entries()) {
    it(`${index + 1}: ${request.method} ${request.path}`, async () => {
      const path = translate(request.path).replace(/^\/v1\//, '');
      const body =
        request.body === undefined ? undefined : (JSON.parse(translate(JSON.stringify(request.body))) as JsonObject);
      const wrapTtl = request.headers['x-vault-wrap-ttl'];
      const token = request.headers['x-vault-token'] ?? '';
      const answer = await api(request.method, path, body, { token, ...(wrapTtl !== undefined && { wrapTtl }) });
      assert.equal(answer.status, response.status, answer.error);
      const recorded = response.body ?? {};
      assert.equal(normalizeBody(masked(answer.body)), normalizeBody(masked(recorded)));
      learn(recorded, answer.body);
    });
  }

  it('covers wrapping and both methods', () => assert.ok(exchanges.length >= 15, String(exchanges.length)));

  function translate(text: string): string {
    return [...ours].reduce((result, [theirs, mine]) => result.replaceAll(theirs, mine), text);
  }

  function learn(theirs: JsonValue | undefined, mine: JsonValue | undefined): void {
    if (!isJsonObject(theirs) || !isJsonObject(mine)) return;
    for (const [key, value] of Object.entries(theirs)) {
      const counterpart = mine[key];
      if (MASKED.includes(key) && typeof value === 'string' && value !== '' && typeof counterpart === 'string') {
        ours.set(value, counterpart);
      }
      learn(value, counterpart);
    }
  }
});

function masked(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => masked(item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      MASKED.includes(key) && typeof inner === 'string' && (inner !== '' || key === 'entity_id')
        ? `<${key}>`
        : masked(inner),
    ]),
  );
}
