/** `npm start` and its options, as a user runs them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { freePort, startPostgres } from '@coffer/testkit';
import { Login } from '../scripts/demo/login.ts';
import { cleanEnvironment, type CommandResult, ended } from './coffer-process.ts';
import { readPage } from './documentation.ts';

const root = resolve(import.meta.dirname, '..');

function start(options: { args?: readonly string[]; detached?: boolean; env?: Readonly<Record<string, string>> }) {
  const { args = [], detached = false, env = {} } = options;
  return spawn(process.execPath, ['scripts/start.ts', ...args], {
    cwd: root,
    detached,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What people who use Vault and PostgreSQL may have set. */
const OF_OTHER_SERVERS = {
  VAULT_ADDR: 'https://vault.invalid',
  VAULT_CACERT: '/nonexistent',
  VAULT_NAMESPACE: 'team',
  VAULT_WRAP_TTL: '60s',
  VAULT_PROXY_ADDR: 'http://127.0.0.1:1',
  PGOPTIONS: '-c nothing',
};

/** Runs to its end. */
async function complete(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  const child = start({ args, env });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  return { exit, stdout, stderr };
}

/** Resolves with what was printed when `mark` is among it; `output` gives all of it at any time. */
async function startUntil(test: TestContext, args: readonly string[], mark: string) {
  // A process group of its own: a terminal sends SIGINT to every process of it.
  const child = start({ args, detached: true });
  test.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise<void>((done, fail) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(mark)) done();
    });
    child.on('close', () => fail(new Error(output)));
  });
  const interrupt = async (signal: NodeJS.Signals = 'SIGINT'): Promise<void> => {
    process.kill(-(child.pid ?? 0), signal);
    assert.equal(await ended(child), 0, output);
  };
  return { output: () => output, interrupt };
}

async function shell(command: string): Promise<CommandResult> {
  const child = spawn('bash', ['-c', command], {
    cwd: root,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  return { exit, stdout, stderr };
}

const quotedNode = `'${process.execPath}'`;
const logIn = (url: string, password: string): Promise<CommandResult> =>
  shell(`PGPASSWORD='${password}' ${quotedNode} scripts/login.ts '${url}'`);

async function processesOf(marker: string): Promise<string> {
  const ps = spawn('ps', ['-eo', 'pid,args']);
  const [output] = await Promise.all([text(ps.stdout), ended(ps)]);
  return output
    .split('\n')
    .filter((line) => line.includes(marker) && !line.includes('ps -eo'))
    .join('\n');
}

describe('npm start', () => {
  it('-- --once shows a credential that works and then does not, with busy ports', async () => {
    const busy = [5433, 8200].map((port) =>
      createServer()
        .on('error', () => undefined)
        .listen(port, '127.0.0.1'),
    );
    try {
      const { exit, stdout, stderr } = await complete(['--once'], OF_OTHER_SERVERS);
      assert.equal(exit, 0, `${stdout}\n${stderr}`);
      assert.equal(stderr, '');
      assert.match(stdout, /port 5433 is busy/);
      assert.match(stdout, /port 8200 is busy/);
      assert.match(stdout, /username {2}v-token-my-first-/);
      assert.match(stdout, /Logged in as v-token-my-first-/);
      assert.match(stdout, /The login is refused now: /);
    } finally {
      for (const server of busy) server.close();
    }
  });

  it("serves until a terminal's Ctrl-C, then revokes and leaves nothing running", async (test) => {
    const { output, interrupt } = await startUntil(test, [], 'Ctrl-C revokes');
    const [, address = ''] = /Serving at (http:\/\/[\d.]+:\d+)/.exec(output()) ?? [];
    const health = await fetch(`${address}/v1/sys/health`);
    assert.equal(health.status, 200);
    const [, suggested = ''] = /^ +(PGPASSWORD=.*)$/m.exec(output()) ?? [];
    // As npm does, but for the look at what is installed.
    const login = await shell(suggested.replace('npm run -s login --', `${quotedNode} scripts/login.ts`));
    assert.equal(login.exit, 0, `${suggested}\n${login.stderr}`);
    await interrupt();
    assert.doesNotMatch(output(), /not revoked/);
    const port = new URL(address).port;
    assert.equal(await processesOf(`127.0.0.1:${port}`), '');
    await assert.rejects(fetch(`${address}/v1/sys/health`));
  });

  it('takes a database as a new YugabyteDB is: it asks for no password', async () => {
    const database = await startPostgres({ authMethod: 'trust' });
    try {
      const url = `postgres://${database.user}@${database.host}:${database.port}/${database.database}`;
      const { stdout, stderr } = await complete(['--once'], { YSQL_URL: url });
      assert.match(stdout, /Success! Revoked lease/, stderr);
    } finally {
      await database.stop();
    }
  });

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    it(`revokes as well when all of its processes get ${signal}, as when its terminal is closed`, async (test) => {
      const { output, interrupt } = await startUntil(test, [], 'Ctrl-C revokes');
      await interrupt(signal);
      assert.match(output(), /Revoking the leases/);
      assert.doesNotMatch(output(), /not revoked|\[ERROR\]/);
    });
  }

  it("-- --database-only starts the page's database, and says what to do", async (test) => {
    const { output, interrupt } = await startUntil(test, ['--database-only'], 'Ctrl-C stops');
    const shown = (name: string): string => new RegExp(`^ +${name} +(\\S+)$`, 'm').exec(output())?.[1] ?? '';
    const page = readPage('docs/getting-started.md');
    const port = shown('port');
    if (port !== '5433') assert.ok(output().includes(`write ${port} wherever a page says 5433`), output());
    for (const line of [
      `host="${shown('host')}"`,
      `username="${shown('user')}"`,
      `password="${shown('password')}"`,
      `db="${shown('database')}"`,
    ]) {
      assert.ok(page.includes(`    ${line} \\\n`), `${line}\n${output()}`);
    }
    const [, heading = ''] = /with "([^"]+)" in docs\/getting-started\.md/.exec(output()) ?? [];
    assert.ok(page.includes(`\n## ${heading}\n`), output());
    const url = `postgres://${shown('user')}@${shown('host')}:${port}/${shown('database')}`;
    assert.deepEqual(await logIn(url, shown('password')), { exit: 0, stdout: 'Logged in as yugabyte.\n', stderr: '' });
    const refused = await logIn(url, 'another');
    assert.deepEqual([refused.exit, refused.stdout], [1, '']);
    assert.match(refused.stderr, /^The login is refused: FATAL: password authentication failed/);
    await interrupt();
    assert.match((await logIn(url, shown('password'))).stderr, /: connection refused$/m);
  });

  it('shows its usage', async () => {
    for (const flag of ['--help', '-h']) {
      const { exit, stdout, stderr } = await complete([flag]);
      assert.deepEqual([exit, stderr], [0, '']);
      assert.match(stdout, /^usage: npm start .*--database-only/);
    }
  });

  it('takes nothing that it does not know, and says what there is', async () => {
    const cases: [string[], Record<string, string>, RegExp][] = [
      [['--nope'], {}, /^npm start has no option --nope: use --once, --database-only, or none/],
      [['-o'], {}, /^npm start has no option -o: use /],
      [['once'], {}, /^npm start takes no argument "once": use /],
      [[], { npm_config_once: 'true' }, /^npm keeps --once to itself: write npm start -- --once$/],
      [[], { npm_config_database_only: 'true' }, /: write npm start -- --database-only$/],
      [['--once=1'], {}, /^npm start: the option --once takes no value/],
      [['--once', '--database-only'], {}, /leave one of the two out$/],
      [['--database-only'], { YSQL_URL: 'postgres://a:b@c/d' }, /: unset YSQL_URL, or go on /],
    ];
    for (const [args, env, message] of cases) assertRefused(await complete(args, env), message);
  });

  it('says in a sentence what is wrong with YSQL_URL, and starts nothing', async () => {
    const database = await startPostgres();
    const [none, there] = [await freePort(), database.port];
    const cases: [string, RegExp][] = [
      ['yugabyte', / is not a URL.*: write it as postgres:\/\/user:password@host:5433\/yugabyte$/],
      ['postgres://u:s3cr%t@h/d', / a % that begins no character.*: write it as /],
      ['http://u:s3cr3t@h/d', / begins with http:\/\/ and not with postgres:\/\/: write it as /],
      ['postgres:///yugabyte', / names no host: write it as /],
      ['postgres://127.0.0.1/yugabyte', / names no user: write it as /],
      [`postgres://u:s3cr3t@127.0.0.1:${none}`, new RegExp(`: nothing listens at 127\\.0\\.0\\.1:${none}\\. Start `)],
      [
        `postgres://yugabyte:s3cr3t@127.0.0.1:${there}`,
        /: password authentication failed for user "yugabyte" .*\. Correct user and password\.$/,
      ],
      [`postgres://yugabyte:yugabyte@127.0.0.1:${there}/none`, /: database "none" does not exist .*\. Correct /],
      [`postgres://yugabyte:yugabyte@127.0.0.1:${there}/none#s3cr3t`, /: has a "#"; write one that /],
      [
        `postgres://yugabyte:s3cr3t@127.0.0.1:${there}/d?sslmode=require`,
        /: the server does not support SSL\/TLS, but sslmode is require\. Correct it, or unset /,
      ],
      [
        `postgres://yugabyte:s3cr3t@127.0.0.1:${there}/d?sslmode=verify-full&sslrootcert=/none`,
        /: .*\/none.*\. Correct it, or unset /,
      ],
      [
        `postgres://weak:weak@127.0.0.1:${there}/yugabyte`,
        /: the user "weak" may not create users\. Have .* CREATEROLE/,
      ],
    ];
    await database.query("CREATE ROLE weak LOGIN PASSWORD 'weak'");
    try {
      for (const [url, message] of cases) {
        const refused = await complete([], { YSQL_URL: url });
        assertRefused(refused, message);
        assert.match(refused.stderr, /^The environment variable YSQL_URL/m);
        assert.doesNotMatch(refused.stderr, /s3cr/);
      }
    } finally {
      await database.stop();
    }
  });

  it('suggests a login by a program that is there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-path-'));
    const login = new Login(new URL('postgres://u%20x:p%27w@h:5433/d'));
    const suggested = (): string => login.command(`/nonexistent:${directory}`);
    assert.equal(suggested(), `PGPASSWORD='p'\\''w' npm run -s login -- postgres://u%20x@h:5433/d`);
    await writeFile(join(directory, 'ysqlsh'), '');
    await mkdir(join(directory, 'psql'));
    assert.match(suggested(), / npm run /, 'neither can be run');
    await rm(join(directory, 'psql'), { recursive: true });
    await writeFile(join(directory, 'psql'), '', { mode: 0o755 });
    assert.equal(suggested(), `PGPASSWORD='p'\\''w' psql -h h -p 5433 -U 'u x' -d d`);
    await chmod(join(directory, 'ysqlsh'), 0o755);
    assert.match(suggested(), /^PGPASSWORD=\S+ ysqlsh -h h /);
    await rm(directory, { recursive: true });
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    assert.match(scripts['login'] ?? '', /scripts\/login\.ts$/);
  });
});

/** One line on stderr, without a stack, and nothing else. */
function assertRefused({ exit, stdout, stderr }: CommandResult, message: RegExp): void {
  assert.deepEqual([exit, stdout], [1, ''], stderr);
  assert.match(stderr.trim(), message);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
}
