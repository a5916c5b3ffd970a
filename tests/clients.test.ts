/** Clients of Vault that we did not write, each through everything that a user of the database engine does, from init to seal. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, dropAdmin, eventually, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { type ForeignProgram, type Missing, prepareGo, preparePython, runProgram } from './clients/foreign-programs.ts';
import { type LoginChecks, startLoginChecks } from './clients/login-checks.ts';
import { type LoggedRequest, startRequestLog } from './clients/request-log.ts';
import { SEED_CREATION } from './dev-server.ts';
import { DurableHome } from './durable-process.ts';
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

/** What every client has to have done with success, MOUNT standing for its mount. */
const DRIVEN: readonly string[] = [
  '(PUT|POST) sys/init',
  '(PUT|POST) sys/unseal',
  '(PUT|POST) auth/MOUNT-approle/login',
  '(PUT|POST) auth/MOUNT-userpass/login/ana',
  '(PUT|POST) sys/mounts/MOUNT',
  'DELETE sys/mounts/MOUNT-spare',
  '(PUT|POST) MOUNT/config/yb',
  '(PUT|POST) MOUNT/roles/app',
  'GET MOUNT/creds/app',
  '(PUT|POST) sys/leases/renew',
  '(PUT|POST) sys/leases/revoke(/MOUNT/creds/app/.+)?',
  '(PUT|POST) sys/wrapping/unwrap',
  '(PUT|POST) MOUNT/static-roles/svc',
  'GET MOUNT/static-creds/svc',
  'DELETE MOUNT/static-roles/svc',
  '(PUT|POST) MOUNT/rotate-role/svc',
  '(PUT|POST) MOUNT/rotate-root/yb',
  '(PUT|POST) sys/rotate',
  '(PUT|POST) sys/polic(y|ies/acl)/MOUNT',
  'GET sys/polic(y|ies/acl)/MOUNT',
  'GET sys/health',
  'GET sys/seal-status',
  'GET auth/token/lookup-self',
  '(PUT|POST) auth/token/renew-self',
  '(PUT|POST) auth/token/revoke-self',
  '(PUT|POST) sys/seal',
];

describe('clients that we did not write', () => {
  let database: TestDatabase;
  let logins: LoginChecks;

  before(async () => {
    database = await databaseUnderTest();
    logins = await startLoginChecks(database);
  });
  after(async () => {
    await logins.close();
    await database.stop();
  });

  for (const [name, mount, prepare] of CLIENTS) {
    it(name, async (test) => {
      const program = await prepare();
      if ('missing' in program) {
        test.skip(program.missing);
        return;
      }
      const home = await DurableHome.make();
      test.after(() => home.remove());
      await home.configure(home.fileStorage);
      const server = await home.start();
      const log = await startRequestLog(server.address);
      test.after(() => log.close());
      const seen = await runFlow(program, mount, log.address);

      test.diagnostic(`${seen.client}: ${summary(log.requests())}`);
      assertDriven(log.requests(), mount);
      // What was revoked is gone, and so is what the login issued before it revoked itself.
      assert.ok(seen.username.startsWith(`v-${`${mount}-approle`.slice(0, 8)}-`), seen.username);
      const own = (roles: string[]): string[] =>
        roles.filter((role) => role === seen.username || role === seen.leftBehind);
      await eventually(
        async () => own(await issuedRoles(database)).length === 0,
        async () => `left: ${own(await issuedRoles(database)).join()}`,
      );
      for (const password of logins.passwords) assert.ok(!server.output().includes(password), 'a password in the log');
    });
  }

  /** The flow with an admin of its own, whose password it rotates, and a login for its static role. */
  async function runFlow(
    program: ForeignProgram,
    mount: string,
    address: string,
  ): Promise<{ client: string; username: string; leftBehind: string }> {
    const service = `${mount}_service`;
    const admin = { username: `${mount}_admin`, password: `${mount}-chosen` };
    await dropAdmin(database, admin.username);
    await makeAdmin(database, { user: admin.username, password: admin.password });
    await database.query(`DROP ROLE IF EXISTS ${service}`);
    await database.query(`CREATE ROLE ${service} LOGIN`);
    const { host, port, database: db } = database;
    const seen = await runProgram(program, {
      VAULT_ADDR: address,
      FLOW_MOUNT: mount,
      FLOW_CREATION: SEED_CREATION.replace('"yugabyte"', `"${db}"`),
      FLOW_DATABASE: JSON.stringify({ host, port: String(port), db, ...admin }),
      FLOW_STATIC_LOGIN: service,
      FLOW_LOGINS: logins.url,
    });
    return seen as Awaited<ReturnType<typeof runFlow>>;
  }
});

function succeeded({ status }: LoggedRequest): boolean {
  return status === 200 || status === 204;
}

function summary(requests: readonly LoggedRequest[]): string {
  const paths = new Set(requests.map(({ request }) => request));
  return `${requests.length} requests, ${requests.filter(succeeded).length} with success, ${paths.size} different ones`;
}

function assertDriven(requests: readonly LoggedRequest[], mount: string): void {
  const done = requests.filter(succeeded).map(({ request }) => request);
  const missing = DRIVEN.filter((what) => {
    const pattern = new RegExp(`^${what.replaceAll('MOUNT', mount)}$`);
    return !done.some((request) => pattern.test(request));
  });
  assert.deepEqual(missing, [], 'never done with success');
}
