/** The OpenAPI document is made from the router's tables, and a linter that we did not write passes it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isJsonObject, type JsonObject } from '@coffer/base';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { apiAt, type Api } from './auth/api.ts';
import { startTestServer, type TestServer } from './dev-server.ts';

describe('sys/internal/specs/openapi', () => {
  let server: TestServer;
  let api: Api;
  let document: JsonObject;

  before(async () => {
    server = await startTestServer();
    api = apiAt(server.address);
    await api.ok('POST', 'sys/mounts/db/main', { type: 'database' });
    for (const type of ['approle', 'jwt', 'kubernetes', 'userpass']) await api.ok('POST', `sys/auth/${type}`, { type });
    document = (await api.ok('GET', 'sys/internal/specs/openapi')).body;
  });
  after(() => server.close());

  it('passes the linter', async () => {
    assert.deepEqual(await lint(document), []);
  });

  it('would not pass it with a parameter or a response missing', async () => {
    const text = JSON.stringify(document);
    const broken = [
      text.replace('"in":"path"', '"in":"nowhere"'),
      text.replace('#/components/responses/error', '#/nothing'),
    ];
    for (const each of broken) assert.notDeepEqual(await lint(JSON.parse(each) as JsonObject), []);
  });

  it('names every mount and how each path is asked', () => {
    const paths = document['paths'] as Readonly<Record<string, JsonObject>>;
    const roles = paths['/db/main/roles']?.['get'] as JsonObject;
    const parameters = roles['parameters'] as readonly JsonObject[];
    assert.deepEqual(
      parameters.map(({ name }) => name),
      ['list', 'after', 'limit'],
    );
    const login = paths['/auth/userpass/login/{username}']?.['post'];
    assert.ok(isJsonObject(login));
    assert.deepEqual(login['security'], []);
    assert.ok(paths['/sys/auth/{path}/tune']);
    assert.ok(paths['/auth/approle/role/{role_name}/secret-id']);
    assert.ok(paths['/auth/token/create/{role_name}']);
  });

  it('is not for everyone: mounts are named in it', async () => {
    await api.refused([403, 'permission denied'], 'GET', 'sys/internal/specs/openapi', undefined, { token: '' });
  });
});

async function lint(document: JsonObject): Promise<string[]> {
  const config = await createConfig({
    extends: ['recommended'],
    // Vault's own paths: users/{username} beside users/{username}/password, catalog/{name} beside catalog/database.
    rules: { 'no-ambiguous-paths': 'off', 'operation-4xx-response': 'error', 'operation-operationId-unique': 'error' },
  });
  const source = JSON.stringify(document);
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer ?? ''}`);
}
