/** Clients of Vault that we did not write, each through login, mount, configuration, issue, renewal, revocation, wrapping and policies. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type ForeignProgram, type Missing, prepareGo, preparePython, runProgram } from './clients/foreign-programs.ts';
import { SEED_CREATION, startTestServer, type TestServer } from './dev-server.ts';
import { issuedRoles } from './logins.ts';

const CLIENTS: readonly (readonly [name: string, mount: string, prepare: () => Promise<ForeignProgram | Missing>])[] = [
  [
    'node-vault',
    'javascript',
    () => Promise.resolve({ command: [process.execPath, join(import.meta.dirname, 'clients', 'flow.mjs')] }),
  ],
  ['hvac', 'python', preparePython],
  ["HashiCorp's vault/api", 'golang', prepareGo],
];

describe('clients that we did not write', () => {
  let database: TestDatabase;
  let server: TestServer;

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  for (const [name, mount, prepare] of CLIENTS) {
    it(name, async (test) => {
      const program = await prepare();
      if ('missing' in program) {
        test.skip(program.missing);
        return;
      }
      const { host, port, user: username, password, database: db } = database;
      const seen = (await runProgram(program, {
        VAULT_ADDR: server.address,
        // Not VAULT_TOKEN: clients would take it where the flow wants to be nobody.
        FLOW_TOKEN: 'root',
        FLOW_MOUNT: mount,
        FLOW_CREATION: SEED_CREATION.replace('"yugabyte"', `"${db}"`),
        FLOW_DATABASE: JSON.stringify({ host, port: String(port), username, password, db }),
      })) as { username: string; leftBehind: string };
      // What was revoked is gone, and so is what the login issued before it revoked itself.
      assert.ok(seen.username.startsWith(`v-${`${mount}-approle`.slice(0, 8)}-`), seen.username);
      const own = (roles: string[]): string[] =>
        roles.filter((role) => role === seen.username || role === seen.leftBehind);
      for (let i = 0; i < 300 && own(await issuedRoles(database)).length > 0; i++) await sleep(20);
      assert.deepEqual(own(await issuedRoles(database)), []);
    });
  }
});
