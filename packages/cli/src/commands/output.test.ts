import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CannedAnswer, RunOptions } from '../cli-fixture.ts';
import { runCli, withServer } from '../cli-fixture.ts';

/** Runs a command against a server that gives one answer to everything. */
async function ask(argv: readonly string[], answer: CannedAnswer, options: RunOptions = {}) {
  let ran = { exitCode: -1, stdout: '', stderr: '' };
  await withServer(
    () => answer,
    async ({ address }) => {
      ran = await runCli(argv, { ...options, env: { VAULT_ADDR: address, VAULT_TOKEN: 't', ...options.env } });
    },
  );
  return ran;
}

function ok(body: unknown): CannedAnswer {
  return { status: 200, body };
}

const SECRET = ok({
  request_id: 'r',
  lease_duration: 60,
  data: { b: ['<x>', 1], a: { n: null } },
  warnings: ['careful'],
});

describe('read', () => {
  it('prints a table with warnings beside it', async () => {
    assert.deepEqual(await ask(['read', 'x'], SECRET), {
      exitCode: 0,
      stdout:
        'Key                 Value\n---                 -----\nrefresh_interval    1m\na                   map[n:<nil>]\nb                   [<x> 1]\n',
      stderr: 'WARNING! The following warnings were returned from Vault:\n\n  * careful\n\n',
    });
  });

  it('prints documents with warnings in them', async () => {
    const json = await ask(['read', '-format=json', 'x'], SECRET);
    assert.equal(json.stderr, '');
    assert.match(json.stdout, /"a": \{\n {6}"n": null\n {4}\},\n {4}"b": \[\n {6}"\\u003cx\\u003e",/);
    assert.deepEqual((JSON.parse(json.stdout) as { warnings: unknown }).warnings, ['careful']);
    const yaml = await ask(['read', 'x'], SECRET, { env: { VAULT_FORMAT: 'YAML' } });
    assert.equal(
      yaml.stdout,
      'data:\n  a:\n    n: null\n  b:\n  - <x>\n  - 1\nlease_duration: 60\nlease_id: ""\nrenewable: false\nrequest_id: r\nwarnings:\n- careful\n',
    );
  });

  it('prints the answer as it came', async () => {
    const text = '{"data": {"big": 12345678901234567890}}\n';
    assert.equal((await ask(['read', '-format=raw', 'x'], { status: 200, text })).stdout, text);
    const { exitCode, stderr } = await ask(['read', '-format=raw', 'x'], { status: 404, body: { errors: [] } });
    assert.equal(exitCode, 2);
    assert.match(stderr, /^Error reading: x: Error making API request/);
  });

  it('prints one field: bare for a pipe, a line for a terminal, a document when asked', async () => {
    const answer = ok({
      lease_id: 'l',
      lease_duration: 3600,
      renewable: true,
      data: { password: 'p w', list: ['a', 'b'], none: null },
    });
    const field = (name: string, ...flags: string[]) => ask(['read', `-field=${name}`, ...flags, 'x'], answer);
    assert.equal((await field('password')).stdout, 'p w');
    assert.equal((await ask(['read', '-field=password', 'x'], answer, { tty: true })).stdout, 'p w\n');
    assert.equal((await field('list')).stdout, '[a b]');
    assert.equal((await field('list', '-format=json')).stdout, '[\n  "a",\n  "b"\n]');
    assert.equal((await field('lease_duration')).stdout, '3600');
    assert.equal((await field('renewable')).stdout, 'true');
    assert.equal((await field('data', '-format=json')).stdout.includes('"password": "p w"'), true);
    for (const absent of ['absent', 'none', 'toString', '__proto__']) {
      assert.deepEqual(await field(absent), {
        exitCode: 1,
        stdout: '',
        stderr: `Field "${absent}" not present in secret\n`,
      });
    }
  });
});

describe('list', () => {
  it('says why there is nothing', async () => {
    assert.deepEqual(await ask(['list', 'x'], { status: 404, body: { errors: [] } }), {
      exitCode: 2,
      stdout: '',
      stderr: 'No value found at x\n',
    });
    assert.equal((await ask(['list', 'x'], ok({ data: { a: 'b' } }))).stderr, 'No entries found at x\n');
    const json = await ask(['list', '-format=json', 'x'], { status: 404, body: { errors: [] } });
    assert.deepEqual([json.exitCode, json.stdout], [2, '{}\n']);
  });

  it('tells more about each name when asked', async () => {
    const answer = ok({ data: { keys: ['b', 'a'], key_info: { a: { size: 1 }, b: { owner: 'me', size: 2 } } } });
    assert.equal(
      (await ask(['list', '-detailed', 'x'], answer)).stdout,
      'Keys    owner    size\n----    -----    ----\na       n/a      1\nb       me       2\n',
    );
    assert.equal((await ask(['list', 'x'], answer)).stdout, 'Keys\n----\na\nb\n');
    assert.match(
      (await ask(['list', '-format=json', 'x'], answer, { env: { VAULT_DETAILED: '1' } })).stdout,
      /"key_info"/,
    );
  });

  it('prints a wrapped answer as such', async () => {
    const { stdout } = await ask(['list', '-wrap-ttl=1m', 'x'], ok({ wrap_info: { token: 'w', ttl: 60 } }));
    assert.match(stdout, /^wrapping_token: +w$/m);
  });
});

describe('status', () => {
  const seal = {
    type: 'shamir',
    initialized: true,
    sealed: false,
    t: 1,
    n: 1,
    version: '1.2.3',
    storage_type: 'yugabytedb',
  };

  async function status(sealStatus: object, leader: CannedAnswer, ...flags: string[]) {
    let ran = { exitCode: -1, stdout: '', stderr: '' };
    await withServer(
      ({ path }) => (path.endsWith('leader') ? leader : ok(sealStatus)),
      async ({ address }) => {
        ran = await runCli(['status', ...flags], { env: { VAULT_ADDR: address } });
      },
    );
    return ran;
  }

  it('shows a cluster', async () => {
    const standby = ok({
      ha_enabled: true,
      is_self: false,
      leader_address: 'https://a',
      leader_cluster_address: 'https://b',
    });
    const { stdout, exitCode } = await status(seal, standby);
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /HA Enabled {13}true\nHA Cluster {13}https:\/\/b\nHA Mode {16}standby\nActive Node Address {4}https:\/\/a\n$/,
    );
    const active = ok({ ha_enabled: true, is_self: true, active_time: '2026-11-24T18:52:02Z' });
    assert.match((await status(seal, active)).stdout, /HA Mode {9}active\nActive Since {4}2026-11-24T18:52:02Z\n$/);
    assert.equal((await status(seal, active, '-field=ha_mode')).stdout, 'active');
    assert.equal((await status(seal, active, '-field=sealed')).stdout, 'false');
  });

  it('exits with 2 when sealed, whatever the format, and 1 on errors', async () => {
    const refusal = { status: 503, body: { errors: ['Vault is sealed'] } };
    const sealed = { ...seal, sealed: true };
    const table = await status(sealed, refusal);
    assert.deepEqual([table.exitCode, table.stderr], [2, '']);
    assert.match(table.stdout, /Unseal Progress {4}0\/1\nUnseal Nonce {7}n\/a\n/);
    for (const flag of ['-format=json', '-field=sealed'])
      assert.equal((await status(sealed, refusal, flag)).exitCode, 2);
    const broken = await status(seal, { status: 500, body: { errors: ['boom'] } });
    assert.equal(broken.exitCode, 1);
    assert.match(broken.stderr, /^Error checking leader status: Error making API request/);
  });
});

describe('tables of mounts and plugins', () => {
  const mount = {
    type: 'kv',
    accessor: 'kv_1',
    description: 'a | b',
    config: { default_lease_ttl: 60, max_lease_ttl: 0, force_no_cache: true, token_type: 'batch' },
    options: { version: '2' },
    local: true,
    uuid: 'u',
  };

  it('shows everything with -detailed', async () => {
    const { stdout } = await ask(['secrets', 'list', '-detailed'], ok({ data: { 'kv/': mount } }));
    const [titles = '', , row = ''] = stdout.split('\n');
    assert.deepEqual(row.split(/ {2,}/), [
      ...['kv/', 'kv', 'kv_1', '60', 'system', 'true', 'local', 'n/a', 'n/a', 'map[version:2]', 'a | b', 'u'],
      ...['n/a', 'n/a', 'n/a', 'n/a'],
    ]);
    assert.match(titles, /Max TTL {4}Force No Cache {4}Replication/);
    assert.match(
      (await ask(['auth', 'list', '-detailed'], ok({ data: { 'kv/': mount } }))).stdout,
      /Max TTL {4}Token Type/,
    );
  });

  it('lists plugins of every type', async () => {
    const plugin = {
      name: 'p',
      type: 'secret',
      version: 'v1',
      builtin: true,
      deprecation_status: 'supported',
      oci: false,
    };
    const answer = ok({ data: { secret: ['p'], detailed: [plugin] } });
    assert.equal(
      (await ask(['plugin', 'list'], answer)).stdout,
      'Name    Type      Version\n----    ----      -------\np       secret    v1\n',
    );
    assert.match((await ask(['plugin', 'list', '-detailed', 'secret'], answer)).stdout, /^p +secret +v1 +supported$/m);
    assert.deepEqual(JSON.parse((await ask(['plugin', 'list', '-format=json'], answer)).stdout), {
      secret: ['p'],
      details: [{ type: 'secret', name: 'p', version: 'v1', builtin: true, deprecation_status: 'supported' }],
    });
    assert.equal(
      (await ask(['plugin', 'list', 'database'], answer)).stderr,
      'Error listing available plugins: no database entry in returned data\n',
    );
    assert.match(
      (await ask(['plugin', 'list', 'bogus'], answer)).stderr,
      /^Error parsing type: "bogus" is not a supported plugin type/,
    );
  });
});
