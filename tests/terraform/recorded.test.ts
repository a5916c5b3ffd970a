/**
 * What Terraform's provider asked and was answered, as provider.test.ts has recorded it, asked again of a fresh server: every answer has
 * the same status and the same content, but for ids, times and secrets.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonValue } from '@coffer/base';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { dropLogins, givenBy, makeLogins } from './given.ts';
import { Unmasked } from './masks.ts';
import { type Exchange, isUnderWay } from './recorder.ts';

const RESOURCES = [
  'sys/mounts/tf-database',
  'sys/remount',
  'sys/auth/tf-approle',
  'tf-database/config/block',
  'tf-database/roles/app',
  'tf-database/static-roles/static',
  'tf-database/static-roles/scheduled',
  'sys/policies/acl/tf-app',
  'auth/tf-approle/role/web',
  'auth/tf-userpass/users/bo',
  'auth/token/roles/tf-jobs',
  'auth/token/create/tf-jobs',
];

describe('what the provider of Terraform asks', () => {
  let server: TestServer;
  let database: TestDatabase;
  let recorded: readonly Exchange[];
  before(async () => {
    const lines = (await readFile(join(import.meta.dirname, 'recorded.jsonl'), 'utf8')).trim().split('\n');
    recorded = lines.map((line) => JSON.parse(line) as Exchange);
    database = await databaseUnderTest();
    await makeLogins(database);
    server = await startTestServer();
  });
  after(async () => {
    await server.close();
    await dropLogins(database);
    await database.stop();
  });

  it('makes each of our resources', () => {
    const written = new Set(
      recorded.filter(({ method }) => method === 'PUT' || method === 'POST').map(({ path }) => path),
    );
    assert.deepEqual(
      RESOURCES.filter((path) => !written.has(path)),
      [],
    );
  });

  it('is answered as it was', async () => {
    const unmasked = new Unmasked(givenBy(database));
    for (const [index, { method, path, body, status, answer }] of recorded.entries()) {
      const place = `line ${index + 1}: ${method} ${path}`;
      const content = body === undefined ? undefined : JSON.stringify(unmasked.body(body));
      const now = await eventually(async () => {
        const asked = await ask(method, unmasked.text(path), content);
        return !isUnderWay(asked) && asked;
      }, place);
      assert.equal(now.status, status, `${place}: ${JSON.stringify(now.answer)}`);
      assert.deepEqual(unmasked.differences(answer, now.answer), [], place);
    }
  });

  async function ask(method: string, path: string, body?: string): Promise<Exchange> {
    const response = await fetch(`${server.address}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': 'root' },
      ...(body !== undefined && { body }),
    });
    const content = await response.text();
    const answer = content === '' ? {} : { answer: JSON.parse(content) as JsonValue };
    return { method, path, status: response.status, ...answer };
  }
});
