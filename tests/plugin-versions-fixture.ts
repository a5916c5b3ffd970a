/** A server with a database mount, and a plugin that says it is of the version in `FIXTURE_VERSION`. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError, type Client } from '@coffer/client';
import { FIXTURE_FILE, pluginDirectory } from '../packages/database-plugin/src/plugin-directory-fixture.ts';
import { issue, startTestServer, type TestServer } from './dev-server.ts';

/** To be made once in a `describe`: what it holds is there in its tests only. */
export class VersionedPlugins {
  /** Of the file {@link FIXTURE_FILE}. */
  sha256 = '';
  /** Where it lies. */
  directory = '';
  #server: TestServer | undefined;
  #tests = 0;

  constructor() {
    let made: Awaited<ReturnType<typeof pluginDirectory>> | undefined;
    before(async () => {
      made = await pluginDirectory();
      this.directory = made.path;
      const file = await readFile(join(made.path, FIXTURE_FILE));
      this.sha256 = createHash('sha256').update(file).digest('hex');
      this.#server = await startTestServer({ pluginDirectory: made.path });
      await this.client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
    });
    beforeEach(() => void this.#tests++);
    after(async () => {
      await this.#server?.close();
      await made?.[Symbol.asyncDispose]();
    });
  }

  get client(): Client {
    assert.ok(this.#server !== undefined);
    return this.#server.client;
  }

  /** Another one in each test. */
  get name(): string {
    return `mine-${this.#tests}`;
  }

  /** Where the plugin of that name is registered. */
  get catalog(): string {
    return `sys/plugins/catalog/database/${this.name}`;
  }

  /** Writes a connection that uses it. */
  readonly configure = async (connection: string, changes: JsonObject = {}) =>
    this.client.write(`database/config/${connection}`, {
      plugin_name: this.name,
      allowed_roles: '*',
      host: 'h',
      ...changes,
    });

  /** The version that serves a connection. */
  readonly serving = async (connection: string): Promise<string> => {
    await this.client.write(`database/roles/${connection}`, { db_name: connection, creation_statements: ['WHO'] });
    const { username, leaseId } = await issue(this.client, connection);
    await this.client.write('sys/leases/revoke', { lease_id: leaseId });
    return username.split('-')[1] ?? '';
  };
}

/** What a request says that must be answered with 400. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  const outcome = await call.catch((error: unknown) => error);
  assert.ok(outcome instanceof ApiError, 'the request fails');
  assert.equal(outcome.status, 400);
  return outcome.errors.join('\n');
}
