import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Environment } from './flags.ts';
import { runCli, type SeenRequest, withServer } from './cli-fixture.ts';

const LOOKUP = { data: { id: 'hunter2', policies: ['root'], ttl: 0, accessor: 'a' } };
let home = '';
let program = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'coffer-home-'));
  program = join(home, 'helper');
});
afterEach(() => rmSync(home, { recursive: true }));

function config(text: string, name = '.vault'): void {
  writeFileSync(join(home, name), text);
}

/** Makes the helper that `~/.vault` names: a shell script, in which `$1` is what it is to do. */
function helper(script: string): void {
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  config(`token_helper = "${program}"`);
}

async function run(argv: readonly string[], env: Environment = {}) {
  const seen: SeenRequest[] = [];
  let ran: Awaited<ReturnType<typeof runCli>> | undefined;
  await withServer(
    (request) => {
      seen.push(request);
      return { status: 200, body: LOOKUP };
    },
    async ({ address }) => {
      ran = await runCli(argv, { env: { HOME: home, VAULT_ADDR: address, ...env } });
    },
  );
  assert.ok(ran);
  return { ...ran, tokens: seen.map(({ headers }) => headers['x-vault-token']) };
}

describe('an external token helper', () => {
  it('gives and takes the token in place of ~/.vault-token', async () => {
    helper(`case "$1" in get) cat "$KEEP";; store) cat > "$KEEP";; esac; echo "$@" >> "$KEEP.calls"`);
    const env = { KEEP: join(home, 'kept'), PATH: process.env['PATH'] };
    config('s.first', '.vault-token');
    assert.equal((await run(['login', '-no-print', 'hunter2'], env)).exitCode, 0);
    assert.equal(readFileSync(join(home, 'kept'), 'utf8'), 'hunter2');
    assert.equal(readFileSync(join(home, '.vault-token'), 'utf8'), 's.first');
    assert.deepEqual((await run(['read', 'x'], env)).tokens, ['hunter2']);
    assert.deepEqual((await run(['read', 'x'], { ...env, VAULT_TOKEN: 'mine' })).tokens, ['mine']);
    assert.equal(readFileSync(join(home, 'kept.calls'), 'utf8'), 'store\nget\n');
  });

  it('may have no token, and is found where VAULT_CONFIG_PATH says', async () => {
    helper('exit 0');
    assert.deepEqual((await run(['read', 'x'])).tokens, [undefined]);
    config('s.file', '.vault-token');
    config('{"token_helper": ""}', 'other');
    assert.deepEqual((await run(['read', 'x'], { VAULT_CONFIG_PATH: '~/other' })).tokens, ['s.file']);
  });

  it('that fails is named, with what it said and without the token', async () => {
    helper('echo "the \u001b[31mkeyring   is locked" >&2; echo hunter2; exit 3');
    const got = await run(['read', 'x']);
    assert.deepEqual([got.exitCode, got.tokens], [2, []]);
    const named = `(${home}/.vault names it)`;
    assert.equal(
      got.stderr,
      `failed to get token from token helper: "${program} get" ended with exit code 3: the [31mkeyring is locked ${named}\n`,
    );
    helper('echo "no room for $(cat)" >&2; exit 1');
    const stored = await run(['login', '-field=policies', 'hunter2'], { PATH: process.env['PATH'] });
    assert.match(
      stored.stderr,
      /^Error storing token: ".*helper store" ended with exit code 1: no room for \*\*\* \(/m,
    );
    assert.equal(stored.exitCode, 2);
  });

  it('that cannot be run, never ends or never stops talking is named too', async () => {
    helper('exec sleep 1000');
    assert.match(
      (await run(['read', 'x'], { VAULT_CLIENT_TIMEOUT: '1s', PATH: process.env['PATH'] })).stderr,
      /helper get" did not end within 1 s \(/,
    );
    helper('while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done');
    assert.match((await run(['read', 'x'])).stderr, /helper get" printed more than 64 KiB \(/);
    chmodSync(program, 0o644);
    assert.match((await run(['read', 'x'])).stderr, /helper get" could not be started: permission denied/);
    rmSync(program);
    assert.match((await run(['read', 'x'])).stderr, /helper get" could not be started: no such file or directory/);
  });

  it('is not looked for in what is none of the command line', async () => {
    config('s.file', '.vault-token');
    config('storage "file" { path = "/x" }\nlistener "tcp" {}', 'server.hcl');
    for (const path of [join(home, 'server.hcl'), home, join(home, 'absent')])
      assert.deepEqual((await run(['read', 'x'], { VAULT_CONFIG_PATH: path })).tokens, ['s.file'], path);
    mkdirSync(join(home, '.vault'));
    assert.deepEqual((await run(['read', 'x'])).tokens, ['s.file']);
  });

  it('is not guessed from a file that says something else', async () => {
    for (const text of ['$ANSIBLE_VAULT;1.1;AES256\n6162', 'token_helpr = "/x"', 'token_helper = 1']) {
      config(text);
      const { exitCode, stderr, tokens } = await run(['read', 'x']);
      assert.deepEqual([exitCode, tokens], [2, []]);
      assert.match(
        stderr,
        /^failed to get token from token helper: .*\.vault:1:\d+: .*\nThis file may contain only token_helper/,
      );
    }
  });
});
