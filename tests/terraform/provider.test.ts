/**
 * Terraform's own provider for Vault against our server, where both programs are named. They were v1.11.4, and v5.10.1 of
 * hashicorp/terraform-provider-vault built by `go build`, when recorded.jsonl was written: UPDATE_RECORDED=1 writes it anew.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Client, createClient } from '@coffer/client';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { type ServerProcess, startServer } from '../coffer-process.ts';
import { issue } from '../dev-server.ts';
import { executedBlocks } from '../documentation.ts';
import { issuedRoles, tryLogin } from '../logins.ts';
import { ADMIN, dropLogins, givenBy, makeLogins, SCHEDULED_LOGIN, STATIC_LOGIN } from './given.ts';
import { masked } from './masks.ts';
import { terraformPrograms, Workspace } from './programs.ts';
import { isUnderWay, startRecorder } from './recorder.ts';

const CONFIGURATION = join(import.meta.dirname, 'main.tf');
const CHANGED = '-var=changed=true';
const programs = terraformPrograms();

if ('missing' in programs) it(programs.missing, { skip: true });
else {
  describe("Terraform's provider for Vault", () => {
    let database: TestDatabase;
    let server: ServerProcess;
    let client: Client;
    let untouched: unknown;

    before(async () => {
      database = await databaseUnderTest();
      server = await startServer();
      client = createClient({ address: server.address, token: 'root' });
    });
    beforeEach(async () => {
      await makeLogins(database);
      untouched = await everything();
    });
    after(async () => {
      await server.stop();
      await dropLogins(database);
      await database.stop();
    });

    /** What configuration there is, and whose tokens but those that the provider has for its runs, which end by themselves. */
    async function everything(): Promise<unknown> {
      const read = async (path: string): Promise<unknown> => (await client.read(path))?.data;
      const accessors = ((await client.list('auth/token/accessors'))?.data?.['keys'] ?? []) as string[];
      const tokens = await Promise.all(
        accessors.map(async (accessor) => (await client.write('auth/token/lookup-accessor', { accessor }))?.data),
      );
      return {
        mounts: await read('sys/mounts'),
        auth: await read('sys/auth'),
        policies: await read('sys/policy'),
        tokenRoles: (await client.list('auth/token/roles'))?.data,
        tokens: tokens.map((token) => token?.['display_name']).filter((name) => name !== 'token-terraform'),
      };
    }

    it('applies, plans nothing more, updates, plans nothing more, and destroys all of it', async (test) => {
      const recorder = await startRecorder(server.address);
      test.after(() => recorder.close());
      const { host, port, database: name } = database;
      const workspace = await Workspace.make(programs, recorder.address, {
        database: JSON.stringify({ host, port, name, username: ADMIN.user, password: ADMIN.password }),
        static_login: STATIC_LOGIN,
        scheduled_login: SCHEDULED_LOGIN,
      });
      test.after(() => workspace.remove());
      await workspace.configureFrom(CONFIGURATION);

      await workspace.apply();
      await workspace.assertNothingToDo();
      await assertUsable('tf-database/creds/app');
      await assertStaticLogin();
      await workspace.apply(CHANGED);
      await workspace.assertNothingToDo(CHANGED);
      assert.equal((await client.read('tf-database/roles/app'))?.data?.['default_ttl'], 600);
      assert.equal((await client.read('auth/tf-approle/role/web'))?.data?.['token_max_ttl'], 1800);
      await assertUsable('tf-database/creds/app');
      // The connection is destroyed before the mount, and without it no lease can be revoked.
      await client.write('sys/leases/revoke-prefix/tf-database', { sync: true });
      await workspace.destroy(CHANGED);

      assert.deepEqual(await everything(), untouched);
      await eventually(async () => (await issuedRoles(database)).length === 0, 'the users of its leases are gone');
      if (process.env['UPDATE_RECORDED'] === '1') {
        const finished = recorder.exchanges.filter((exchange) => !isUnderWay(exchange));
        const lines = masked(finished, givenBy(database)).map((exchange) => `${JSON.stringify(exchange)}\n`);
        await writeFile(join(import.meta.dirname, 'recorded.jsonl'), lines.join(''));
      }
    });

    it("applies the page's configuration, without a password in its state", async (test) => {
      const [block] = executedBlocks('docs/clients.md', import.meta.filename);
      const { host, port, database: name } = database;
      const code = (block?.text ?? '')
        .replaceAll('127.0.0.1:5433/yugabyte', `${host}:${port}/${name}`)
        .replaceAll('"yugabyte"', `"${ADMIN.user}"`)
        .replaceAll('\\"yugabyte\\"', `\\"${name}\\"`);
      const workspace = await Workspace.make(programs, server.address, { admin_password: ADMIN.password });
      test.after(() => workspace.remove());
      await workspace.configure(code);
      await workspace.apply();
      await workspace.assertNothingToDo();
      const { username, password: issued } = await issue(client);
      assert.deepEqual(await tryLogin(database, username, issued), { user: username });
      assert.ok(!(await workspace.state()).includes(ADMIN.password));
      await client.write('sys/leases/revoke-prefix/database', { sync: true });
      await workspace.destroy();
      assert.deepEqual(await everything(), untouched);
    });

    async function assertUsable(path: string): Promise<void> {
      const { username = '', password = '' } = ((await client.read(path))?.data ?? {}) as Record<string, string>;
      assert.deepEqual(await tryLogin(database, username, password), { user: username });
    }

    async function assertStaticLogin(): Promise<void> {
      const { password } = ((await client.read('tf-database/static-creds/static'))?.data ?? {}) as { password: string };
      assert.deepEqual(await tryLogin(database, STATIC_LOGIN, password), { user: STATIC_LOGIN });
    }
  });
}
