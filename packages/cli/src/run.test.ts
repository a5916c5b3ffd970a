import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { runCli, withServer } from './cli-fixture.ts';
import type { CommandNode } from './command.ts';
import { isGroup } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { defineCommand, run } from './index.ts';

function everyCommand(nodes: readonly CommandNode[], path: readonly string[] = []): [string[], CommandNode][] {
  return nodes.flatMap((node) => {
    const own = [...path, node.name];
    return [[own, node] as [string[], CommandNode], ...(isGroup(node) ? everyCommand(node.commands, own) : [])];
  });
}

const server = defineCommand({
  name: 'server',
  synopsis: 'Start a server',
  usage: '[options]',
  description: 'Starts a server.',
  flags: {
    dev: { type: 'boolean', usage: 'For development.' },
    'dev-root-token-id': { type: 'string', usage: 'The token.' },
  },
  http: false,
  arguments: { min: 0, max: 0 },
  run: async ({ flags, ui }) => {
    ui.output(`dev=${flags.dev} token=${flags['dev-root-token-id'] ?? ''}`);
    return 7;
  },
});

describe('help', () => {
  for (const [path, node] of everyCommand(COMMANDS)) {
    it(`of ${path.join(' ')} goes to stdout`, async () => {
      const texts = [];
      for (const flag of ['-help', '--help', '-h']) {
        const { exitCode, stdout, stderr } = await runCli([...path, flag], { extra: { program: 'coffer' } });
        assert.deepEqual([exitCode, stderr], [0, '']);
        texts.push(stdout);
      }
      const [text = ''] = texts;
      assert.deepEqual(texts, [text, text, text]);
      assert.match(text, new RegExp(`^Usage: coffer ${path.join(' ')}[ \n]`));
      const flags = isGroup(node) ? [] : Object.keys(node.flags);
      for (const flag of flags) assert.match(text, new RegExp(`^  -${flag}(=<.+>)?$`, 'm'));
      assert.doesNotMatch(text, /\n\n\n|\n\n$|[^\S\n]\n/, 'no double blank lines, and nothing at the end of one');
      const [prose = ''] = text.split('\nSubcommands:\n');
      assert.doesNotMatch(prose, /\S {2,}\S|undefined|The default is \./, 'no gap within a line');
      // Examples may be as long as they need to be.
      for (const line of text.split('\n')) assert.ok(line.length <= 78 || line.startsWith('      $ '), line);
    });
  }

  it('is found behind arguments, but not behind --', async () => {
    assert.match((await runCli(['write', 'a', 'b=c', '-help'])).stdout, /^Usage: vault write /);
    assert.match((await runCli(['write', '--', 'a', '-help'])).stderr, /'-help': format must be key=value\n$/);
  });

  it('is the overview for no command at all, the complaint for an unknown one', async () => {
    const asked = await runCli(['-help']);
    assert.deepEqual([asked.exitCode, asked.stderr], [0, '']);
    for (const { name, synopsis } of COMMANDS)
      assert.match(asked.stdout, new RegExp(`^    ${name} +${synopsis}$`, 'm'));
    for (const argv of [[], ['bogus'], ['-x']]) {
      const { exitCode, stdout, stderr } = await runCli(argv);
      assert.deepEqual([exitCode, stdout, stderr], [127, '', asked.stdout], argv.join());
    }
  });

  it('of a group is shown with exit code 1 when the subcommand is missing or unknown', async () => {
    const { stdout } = await runCli(['lease', '-help']);
    assert.match(stdout, /^ {4}renew +Renew a lease$/m);
    for (const argv of [['lease'], ['lease', 'bogus']]) {
      assert.deepEqual(await runCli(argv), { exitCode: 1, stdout: '', stderr: stdout });
    }
  });
});

describe('a word that is nearly right', () => {
  it('is told last, behind the text and with the exit code of an unknown one', async () => {
    const overview = (await runCli(['-help'])).stdout;
    const lease = (await runCli(['lease', '-help'])).stdout;
    const cases: [string[], number, string, string][] = [
      [['raed', 'x'], 127, overview, 'Unknown command "raed". Did you mean "read"?'],
      [['-format=json', 'wirte', 'x'], 127, overview, 'Unknown command "wirte". Did you mean "write"?'],
      [['revoke', 'x'], 127, overview, 'Unknown command "revoke". Did you mean "lease revoke" or "token revoke"?'],
      [['lease', 'revke', 'x'], 1, lease, 'Unknown command "lease revke". Did you mean "lease revoke"?'],
      [['raed', '-help'], 127, overview, 'Unknown command "raed". Did you mean "read"?'],
      [['namespce', 'list'], 127, overview, 'Unknown command "namespce". Did you mean "namespace"?'],
      [['-hlep'], 127, overview, 'Unknown flag "-hlep". Did you mean "-help"?'],
      [['--versoin'], 127, overview, 'Unknown flag "--versoin". Did you mean "-version"?'],
      [['lease', '-hlep'], 1, lease, 'Unknown flag "-hlep". Did you mean "lease -help"?'],
      [['help'], 127, overview, 'Unknown command "help". Did you mean "-help"?'],
      [['help', 'lease', 'renew'], 127, overview, 'Unknown command "help". Did you mean "lease renew -help"?'],
      [['lease', 'help', 'renew'], 1, lease, 'Unknown command "lease help". Did you mean "lease renew -help"?'],
    ];
    for (const [argv, exitCode, text, suggestion] of cases)
      assert.deepEqual(await runCli(argv), { exitCode, stdout: '', stderr: `${text}\n${suggestion}\n` });
    const renwe = await runCli(['lease', 'renwe', '-help']);
    const meant = '\nUnknown command "lease renwe". Did you mean "lease renew"?\n';
    assert.deepEqual(renwe, { exitCode: 0, stdout: lease, stderr: meant });
    for (const argv of [['-raed'], ['lease', '-revke'], ['lease', ''], ['cp'], ['lease', 'list']])
      assert.doesNotMatch((await runCli(argv)).stderr, /Did you mean/);
  });

  it('is found for flags, methods and fields', async () => {
    const run = 'Run "vault read -help" to see its flags.\n';
    const cases: [string[], string][] = [
      [['read', '-formt=json', 'x'], `flag provided but not defined: -formt\nDid you mean "-format"?\n${run}`],
      [['read', '--adress', 'x', 'y'], `flag provided but not defined: -adress\nDid you mean "-address"?\n${run}`],
      [['read', '-hlep', 'x'], `flag provided but not defined: -hlep\nDid you mean "-help"?\n${run}`],
      [['read', '-f', 'x'], `flag provided but not defined: -f\n${run}`],
    ];
    for (const [argv, stderr] of cases) assert.deepEqual(await runCli(argv), { exitCode: 1, stdout: '', stderr });
    assert.match((await runCli(['login', '-method=userpas'])).stderr, /\n\nDid you mean "userpass"\?\n$/);
    await withServer(
      () => ({ status: 200, body: { lease_id: 'l', lease_duration: 60, data: { username: 'u', password: 'p' } } }),
      async ({ address }) => {
        const env = { VAULT_ADDR: address };
        for (const [field, meant] of [
          ['usernme', 'username'],
          ['leaseid', 'lease_id'],
        ]) {
          const { stderr } = await runCli(['read', `-field=${field}`, 'x'], { env });
          assert.equal(stderr, `Field "${field}" not present in secret\nDid you mean "${meant}"?\n`);
        }
      },
    );
  });
});

describe('run', () => {
  it('runs the server command that the application adds', async () => {
    const extra = { server, program: 'coffer', version: '1.2.3' };
    assert.deepEqual(await runCli(['server', '-dev', '-dev-root-token-id', 'root'], { extra }), {
      exitCode: 7,
      stdout: 'dev=true token=root\n',
      stderr: '',
    });
    assert.match((await runCli(['-h'], { extra })).stdout, /^ {4}server +Start a server$/m);
    assert.match(
      (await runCli(['server', '-address=x'], { extra })).stderr,
      /^flag provided but not defined: -address\n/,
    );
    assert.equal((await runCli(['server'])).exitCode, 127);
    for (const argv of [['version'], ['-v'], ['--version']])
      assert.equal((await runCli(argv, { extra })).stdout, 'Coffer 1.2.3\n');
  });

  it('refuses wrong flags, arguments and formats with exit code 1 before it asks a server', async () => {
    const cases: [string[], RegExp][] = [
      [['read', '-nope', 'x'], /^flag provided but not defined: -nope\nRun "vault read -help" to see its flags.\n$/],
      [['read', '-address'], /^flag needs an argument: -address\n/],
      [['read'], /^Not enough arguments \(expected 1, got 0\)\n$/],
      [['delete'], /^Not enough arguments \(expected at least 1, got 0\)\n$/],
      [['list', 'a', 'b'], /^Too many arguments \(expected 1, got 2\)\n$/],
      [['lease', 'lookup'], /^Missing ID!\n$/],
      [['lease', 'renew'], /^Missing ID!\n$/],
      [['lease', 'revoke', '-force', 'x'], /^Specifying -force requires also specifying -prefix\n$/],
      [['secrets', 'enable'], /^Not enough arguments \(expected 1, got 0\)\n$/],
      [['plugin', 'register', 'database', 'x'], /^SHA256 is required for all plugins, please provide -sha256\n$/],
      [['plugin', 'list', 'a', 'b'], /^Too many arguments \(expected 0 or 1, got 2\)\n$/],
      [['policy', 'write', 'x'], /^Not enough arguments \(expected 2, got 1\)\n$/],
      [['token', 'revoke'], /^Not enough arguments \(expected 1 or -self, got 0\)\n$/],
      [['token', 'revoke', '-self', '-mode=path'], /^Cannot use -self with -mode!\n$/],
      [['token', 'revoke', '-mode=x', 'y'], /^Invalid mode: x\nUse "orphan" or "path"\.\n$/],
      [['token', 'lookup', '-accessor'], /^Not enough arguments with -accessor \(expected 1, got 0\)\n$/],
      [['unwrap', 'a', 'b'], /^Too many arguments \(expected 0-1, got 2\)\n$/],
      [['write', 'x'], /^Must supply data or use -force\n$/],
      [['write', 'x', 'y'], /^Failed to parse K=V data: Invalid key\/value pair 'y': format must be key=value\n$/],
      [['read', '-format=xml', 'x'], /^Invalid output format: xml\nUse "table", "json", "yaml" or "raw".\n$/],
      [['list', '-format=raw', 'x'], /^This command does not support the -format=raw option.\n$/],
      [['-format=json', 'status'], /^Invalid flags before the subcommand. .*\n.*\n\nUsage: vault status /],
    ];
    for (const [argv, message] of cases) {
      const { exitCode, stdout, stderr } = await runCli(argv, { env: { VAULT_ADDR: 'http://127.0.0.1:1' } });
      assert.equal(exitCode, 1, argv.join(' '));
      assert.equal(stdout, '', argv.join(' '));
      assert.match(stderr, message, argv.join(' '));
    }
  });

  it('says what cannot be reached, with exit code 2', async () => {
    const env = { VAULT_ADDR: 'http://127.0.0.1:1' };
    const refused = 'dial tcp 127.0.0.1:1: connect: connection refused\n';
    assert.deepEqual(await runCli(['read', 'a/b'], { env }), {
      exitCode: 2,
      stdout: '',
      stderr: `Error reading a/b: Get "http://127.0.0.1:1/v1/a/b": ${refused}`,
    });
    const status = await runCli(['status'], { env });
    assert.equal(status.exitCode, 1);
    assert.equal(status.stderr, `Error checking seal status: Get "http://127.0.0.1:1/v1/sys/seal-status": ${refused}`);
  });

  it('reports what cannot be set up', async () => {
    const setups: [string[], Record<string, string>, RegExp][] = [
      [['-ca-cert=/absent'], {}, /^failed to setup TLS config: open \/absent: no such file or directory\n$/],
      [
        ['-client-cert=/absent'],
        {},
        /^failed to setup TLS config: both client cert and client key must be provided\n$/,
      ],
      [['-header=X-Vault-Token=x'], {}, /names that start with X-Vault- are for internal use\n$/],
      [[], { VAULT_CLIENT_TIMEOUT: 'soon' }, /^failed to read environment: .*VAULT_CLIENT_TIMEOUT/],
      [[], { VAULT_TOKEN: 'hunter2\n' }, /^configured token contains non-printable characters/],
    ];
    for (const [flags, env, message] of setups) {
      const { exitCode, stderr } = await runCli(['read', ...flags, 'x'], {
        env: { VAULT_ADDR: 'http://127.0.0.1:1', ...env },
      });
      assert.notEqual(exitCode, 0);
      assert.match(stderr, message);
      assert.equal(stderr.includes('hunter2'), false);
    }
  });

  it('sends what flags and environment say', async () => {
    await withServer(
      () => ({ status: 200, body: { data: { a: 'b' } } }),
      async ({ address, seen }) => {
        const env = {
          VAULT_ADDR: 'http://127.0.0.1:1',
          VAULT_NAMESPACE: 'env',
          VAULT_TOKEN: 't',
          VAULT_WRAP_TTL: '30',
        };
        const flags = ['-address', address, '-ns=/team', '-header=x-extra=1', '-mfa=m:1'];
        assert.equal((await runCli(['read', ...flags, 'x', 'k=v', 'k=w'], { env })).exitCode, 0);
        const [request] = seen;
        assert.equal(request?.path, '/v1/x?k=v&k=w');
        const { headers } = request;
        assert.equal(headers['x-vault-namespace'], 'team/');
        assert.equal(headers['x-vault-token'], 't');
        assert.equal(headers['x-vault-wrap-ttl'], '30s');
        assert.equal(headers['x-extra'], '1');
        assert.equal(headers['x-vault-mfa'], 'm:1');
      },
    );
  });

  it('honours -format behind the path, and warns of other flags there', async () => {
    await withServer(
      () => ({ status: 200, body: { data: { keys: ['b', 'a'] } } }),
      async ({ address, seen }) => {
        const env = { VAULT_ADDR: address };
        for (const late of [['-format=json'], ['--format', 'json']]) {
          assert.equal((await runCli(['list', 'x', ...late], { env })).stdout, '[\n  "b",\n  "a"\n]\n');
        }
        const { stderr } = await runCli(['read', 'x', '-field=a'], { env });
        assert.match(stderr, /^Command flags must be provided before positional arguments\..*: \[-field=a\]\n$/);
        assert.deepEqual(
          seen.map(({ path }) => path),
          ['/v1/x?list=true', '/v1/x?list=true', '/v1/x?-field=a'],
        );
      },
    );
  });

  it('fails when stdout cannot be written, and takes a closed pipe calmly', async () => {
    for (const [code, expected] of [
      ['ENOSPC', 1],
      ['EPIPE', 0],
    ] as const) {
      const broken = new Writable({
        write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
      });
      const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
      assert.equal(await run(['version'], { stdin: process.stdin, stdout: broken, stderr: silent, env: {} }), expected);
    }
  });
});
