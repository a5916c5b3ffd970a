/**
 * Runs the examples of docs/clients.md as they stand there, until each has met a sealed server, renewed its login, taken the next one near
 * `max_ttl`, and given it back. Only addresses and folders are replaced.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@coffer/client';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { parseAllDocuments } from 'yaml';
import { EXAMPLE_PROGRAMS, spring } from './clients/example-programs.ts';
import { type ForeignProgram, prepareOpenBao } from './clients/foreign-programs.ts';
import { type LoggedRequest, startRequestLog } from './clients/request-log.ts';
import { cleanEnvironment, ended, type ServerProcess, startServer } from './coffer-process.ts';
import { configure, connectionTo, SEED_CREATION } from './dev-server.ts';
import { atPlaces, vaultShell } from './docs-shell.ts';
import { executedBlocks } from './documentation.ts';
import { issuedRoles, tryLogin } from './logins.ts';

const PAGE = 'docs/clients.md';
/** The last third, less the pause after a refusal, is how late a program may be before its login ends. */
const TTL = { default_ttl: '90s', max_ttl: '120s' };
/** From one login to the next it takes most of `max_ttl`. */
const PATIENCE = { patienceMs: 300_000 };

describe('the examples for applications', { concurrency: true }, () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let directory: string;

  before(async () => {
    database = await databaseUnderTest();
    directory = await mkdtemp(join(tmpdir(), 'coffer-shop-'));
    server = await setUp(directory);
  });
  after(async () => {
    await server.stop();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  /** A server as the page leaves it, with the files of the application in a folder. */
  async function setUp(folder: string): Promise<ServerProcess> {
    const started = await startServer();
    const client = createClient({ address: started.address, token: 'root' });
    const creation = SEED_CREATION.replace('"yugabyte"', `"${database.database}"`);
    await configure(client, connectionTo(database), { creation_statements: creation, ...TTL });
    await vaultShell(here(block('sh'), started.address, folder), started);
    return started;
  }

  /** The example for this database, the server at `address`, and `folder`. */
  function here(code: string, address: string, folder: string): string {
    return atPlaces(code, address, database).replaceAll(/\/(etc|run)\/shop/g, folder);
  }

  /** Until the users of these logins are gone: those that a program let go of by their time, the last one revoked. */
  async function assertGone(users: readonly string[]): Promise<void> {
    const left = async (): Promise<string[]> => (await issuedRoles(database)).filter((role) => users.includes(role));
    await eventually(
      async () => (await left()).length === 0,
      async () => `left: ${(await left()).join()}`,
      PATIENCE,
    );
  }

  for (const [kind, prepare] of Object.entries(EXAMPLE_PROGRAMS)) {
    let program: ReturnType<typeof prepare> | undefined;
    // Once, since what it downloads is put into one place.
    const prepared = (): ReturnType<typeof prepare> =>
      (program ??= prepare(here(block(kind), server.address, directory)));

    it(`${kind}: takes a login, keeps it while the server is sealed, takes the next one, gives it back`, async (test) => {
      const ready = await prepared();
      if ('missing' in ready) {
        test.skip(ready.missing);
        return;
      }
      const folder = await mkdtemp(join(directory, `${kind}-`));
      const own = await setUp(folder);
      test.after(() => own.stop());
      const log = await startRequestLog(own.address);
      test.after(() => log.close());
      const login = `${here(block('sh', 1), own.address, folder)}\nprintf %s "$VAULT_TOKEN"`;
      const token = await vaultShell(login, { address: own.address, token: '' });
      const running = start(ready, { VAULT_ADDR: log.address, VAULT_TOKEN: token });
      const until = async (what: string, seen: () => boolean): Promise<void> => {
        await eventually(() => seen() || running.child.exitCode !== null, what, PATIENCE);
        assert.equal(running.child.exitCode, null, running.output());
      };
      await until('the first login', () => running.lines().length === 1);
      await own.run(['operator', 'seal']);
      await until('a renewal that is refused', () => log.requests().some(({ status }) => status === 503));
      const [, key = ''] = /Unseal Key: (\S+)/.exec(own.output()) ?? [];
      assert.equal((await own.run(['operator', 'unseal', key])).exit, 0);
      await until('the second login', () => running.lines().length === 2);
      if (kind === 'go') {
        // HashiCorp's watcher renews a lease as soon as it has it: while the lease is revoked, that would be refused.
        const lastOf = (step: string): number => succeeded(log.requests()).lastIndexOf(step);
        const isRenewed = (): boolean => lastOf('PUT sys/leases/renew') > lastOf('GET database/creds/my-first-role');
        await until('the first renewal of the second login', isRenewed);
      }
      running.child.kill('SIGTERM');
      // A JVM that a signal ends says so by its exit code, whatever its hooks did.
      assert.equal(await running.end, kind === 'java' ? 143 : 0, running.output());

      const users = running.lines();
      assert.ok(
        users[0] !== users[1] && users.every((user) => user.startsWith('v-approle-my-first-')),
        running.output(),
      );
      assertDone(log.requests());
      await assertGone(users);
    });

    it(`${kind}: ends with the server's words when its token is none`, async (test) => {
      const ready = await prepared();
      if ('missing' in ready) {
        test.skip(ready.missing);
        return;
      }
      const running = start(ready, { VAULT_ADDR: server.address, VAULT_TOKEN: 'no-such-token' });
      assert.equal(await running.end, 1, running.output());
      assert.match(running.output(), /permission denied/);
      assert.deepEqual(running.lines(), []);
    });
  }

  it('spring: reads a login before the data source is made, renews it, gives it back', async (test) => {
    const program = await spring(here(block('yaml spring'), server.address, directory));
    if ('missing' in program) {
      test.skip(program.missing);
      return;
    }
    const log = await startRequestLog(server.address);
    test.after(() => log.close());
    const [id, secret] = await Promise.all(
      ['role-id', 'secret-id'].map((file) => readFile(join(directory, file), 'utf8')),
    );
    const environment = { VAULT_ADDR: log.address, SHOP_ROLE_ID: id ?? '', SHOP_SECRET_ID: secret ?? '' };
    const running = start(program, environment);
    const user = (): string => /^user: (\S+)$/m.exec(running.output())?.[1] ?? '';
    const seen = (): boolean => user() !== '' && succeeded(log.requests()).includes('PUT sys/leases/renew');
    await eventually(() => seen() || running.child.exitCode !== null, running.output, PATIENCE);
    running.child.kill('SIGTERM');
    assert.equal(await running.end, 143, running.output());
    assert.match(user(), /^v-approle-my-first-/);
    const done = succeeded(log.requests());
    assert.ok(done.includes('PUT auth/approle/login') && done.includes('PUT sys/leases/revoke'), done.join('\n'));
    await assertGone([user()]);
  });

  it('agent: writes a login, renews it, writes the next one, and has the application read it', async (test) => {
    const bao = await prepareOpenBao();
    if ('missing' in bao) {
      test.skip(bao.missing);
      return;
    }
    const log = await startRequestLog(server.address);
    test.after(() => log.close());
    const url = join(directory, 'database-url');
    const reader = `process.on('SIGHUP', () => console.log(require('node:fs').readFileSync('${url}', 'utf8')));
      setInterval(() => undefined, 60_000); console.log('ready')`;
    const application = start({ command: [process.execPath, '-e', reader] }, {});
    test.after(() => application.child.kill('SIGKILL'));
    await eventually(() => application.lines().includes('ready'), application.output);
    await writeFile(join(directory, 'pid'), String(application.child.pid));

    const configuration = join(directory, 'agent.hcl');
    await writeFile(configuration, here(block('hcl agent'), log.address, directory));
    const agent = start({ command: [bao.command[0], 'agent', `-config=${configuration}`] }, {});
    test.after(() => agent.child.kill('SIGKILL'));
    const users: string[] = [];
    await eventually(
      async () => {
        assert.equal(agent.child.exitCode, null, agent.output());
        const latest = application.lines().at(-1) ?? '';
        const [, user = '', password = ''] = /^postgres:\/\/([^:]+):([^@]+)@/.exec(latest) ?? [];
        if (user === '' || users.includes(user)) return false;
        assert.deepEqual(await tryLogin(database, user, password), { user });
        return users.push(user) === 2;
      },
      agent.output,
      PATIENCE,
    );
    assert.match(await readFile(url, 'utf8'), new RegExp(`^postgres://${users.at(-1)}:[^@]+@[\\w.]+:\\d+/yugabyte$`));
    agent.child.kill('SIGTERM');
    assert.equal(await agent.end, 0, agent.output());
    const done = succeeded(log.requests());
    assert.ok(done.includes('PUT auth/approle/login') && done.includes('PUT sys/leases/renew'), done.join('\n'));
    await assertGone(users);
  });
});

describe('the examples in YAML', () => {
  const documents = (kind: string): unknown[] => {
    return parseAllDocuments(block(kind)).map((document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS() as unknown;
    });
  };

  it('for Spring names our mount and role, and the fields of the data source', () => {
    const [read] = documents('yaml spring') as [{ spring: Record<string, Record<string, unknown>> }];
    assert.equal(read.spring['config']?.['import'], 'vault://');
    const { database, kv, authentication } = read.spring['cloud']?.['vault'] as Record<string, unknown>;
    assert.deepEqual(database, {
      enabled: true,
      backend: 'database',
      role: 'my-first-role',
      'username-property': 'spring.datasource.username',
      'password-property': 'spring.datasource.password',
    });
    assert.deepEqual([kv, authentication], [{ enabled: false }, 'APPROLE']);
    assert.equal(read.spring['datasource']?.['url'], 'jdbc:postgresql://127.0.0.1:5433/yugabyte');
  });

  it('for External Secrets lead from the Secret to our path', () => {
    const [generator, secret] = documents('yaml external-secrets') as Record<string, Record<string, unknown>>[];
    assert.equal(generator?.['kind'], 'VaultDynamicSecret');
    assert.equal(generator['spec']?.['path'], '/database/creds/my-first-role');
    assert.equal(generator['spec']['method'], 'GET');
    const { apiVersion, kind, metadata } = generator;
    const { dataFrom } = secret?.['spec'] as { dataFrom: unknown };
    assert.deepEqual(dataFrom, [{ sourceRef: { generatorRef: { apiVersion, kind, name: metadata?.['name'] } } }]);
    assert.equal(secret?.['metadata']?.['namespace'], metadata?.['namespace']);
  });
});

/** The page's block of this kind. */
function block(kind: string, index = 0): string {
  const text = executedBlocks(PAGE, import.meta.filename).filter((each) => each.kind === kind)[index]?.text;
  assert.ok(text !== undefined, `${PAGE} has no block ${kind}`);
  return text;
}

interface Running {
  readonly child: ChildProcess;
  /** Its exit code. */
  readonly end: Promise<number>;
  /** What it printed on standard output, by line. */
  readonly lines: () => string[];
  readonly output: () => string;
}

function start({ command: [file, ...args] }: ForeignProgram, environment: Readonly<Record<string, string>>): Running {
  const child = spawn(file, args, { env: cleanEnvironment(environment), stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return {
    child,
    end: ended(child),
    lines: () => stdout.split('\n').filter((line) => line !== ''),
    output: () => `${stdout}${stderr}`,
  };
}

function succeeded(requests: readonly LoggedRequest[]): string[] {
  const good = requests.filter(({ status }) => status === 200 || status === 204);
  return good.map(({ request }) => request.replace(/^POST/, 'PUT').replace(/(sys\/leases\/revoke)\/.*/, '$1'));
}

/** @throws AssertionError when one of the steps that the page lists was not made, or something else was refused than while sealed */
function assertDone(requests: readonly LoggedRequest[]): void {
  const done = succeeded(requests);
  const refused = requests.filter(({ status }) => status >= 400 && status !== 503);
  assert.deepEqual(refused, []);
  for (const step of ['PUT auth/token/renew-self', 'PUT sys/leases/renew', 'PUT sys/leases/revoke'])
    assert.ok(done.includes(step), `${step}:\n${done.join('\n')}`);
  assert.equal(done.filter((step) => step === 'GET database/creds/my-first-role').length, 2, done.join('\n'));
}
