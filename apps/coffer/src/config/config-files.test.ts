import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { REFUSED, WITHOUT_EFFECT } from './foreign-keys.ts';
import { sanitizedConfig } from './sanitized-config.ts';
import { examineConfig, KEYS, parseServerConfig } from './server-config.ts';

const LISTENER = 'listener "tcp" { tls_disable = true }';
const STORAGE = 'storage "file" { path = "/var/lib/coffer" }';

describe('several configuration files', () => {
  let directory: string;
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'coffer-config-'))));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), text);
    }
  }
  const examine = async (names: readonly string[], env = {}) => {
    const { config, errors, warnings } = await examineConfig(
      names.map((name) => join(directory, name)),
      env,
    );
    const shown = (text: string) => text.replaceAll(`${directory}/`, '');
    return { config, errors: errors.map(({ message }) => shown(message)), warnings: warnings.map(shown) };
  };

  it('are merged as Vault does: the last counts, listeners add up, of the TTLs the longest', async () => {
    await write({
      'a.hcl': `${LISTENER}\n${STORAGE}\nlog_level = "debug"\nmax_lease_ttl = "2h"\ncluster_name = "a"`,
      'b.json': JSON.stringify({
        listener: { tcp: { address: ':1', tls_disable: true } },
        storage: { file: { path: '/b' } },
        log_level: 'warn',
        max_lease_ttl: '1h',
        default_lease_ttl: 60,
      }),
    });
    const { config, errors } = await examine(['a.hcl', 'b.json']);
    assert.deepEqual(errors, []);
    assert.deepEqual(config, {
      listeners: [
        { host: '127.0.0.1', port: 8200 },
        { host: '0.0.0.0', port: 1 },
      ],
      storage: { type: 'file', directory: '/b' },
      audit: { devices: [], rules: {} },
      clusterName: 'a',
      logLevel: 'warn',
      maxLeaseTtl: 7200,
      defaultLeaseTtl: 60,
    });
  });

  it('of a directory are those that end in .hcl or .json, by name, none twice and none below', async () => {
    await write({
      'd/10.hcl': `${LISTENER}\nlog_level = "debug"`,
      'd/20.json': '{"log_level": "error"}',
      'd/05.hcl': `backend "file" { path = "/old" }\nlog_level = "trace"`,
      'd/.#30.hcl': 'log_level = "info"',
      'd/40.hcl~': 'log_level = "info"',
      'd/notes.txt': 'not a configuration',
      'd/below/50.hcl': 'log_level = "info"',
    });
    const { config, errors } = await examine(['d', 'd/10.hcl']);
    assert.deepEqual(errors, []);
    assert.equal(config?.logLevel, 'error');
    assert.equal(config?.listeners.length, 1, 'the file was read once');
    assert.deepEqual(config?.storage, { type: 'file', directory: '/old' }, "Vault's older name of storage");
    await mkdir(join(directory, 'empty'));
    assert.match((await examine(['empty'])).errors[0] ?? '', /has no \.hcl or \.json file$/);
  });

  it('have all that is wrong in them shown, each with its own file and line', async () => {
    await write({
      'a.hcl': `listener "tcp" { adress = "x", tls_disable = "maybe" }\nlistener "tcp" { address = "y", tls_disable = true }`,
      'b.hcl': `storage "file" { path = 3, size = 1 }\nlog_level = "loud"\n\nlog_fromat = "json"\nlog_rotate_bytes = -1`,
      'c.hcl': 'api_addr = {',
      'd.hcl': 'ui = "perhaps"',
    });
    const { errors } = await examine(['a.hcl', 'b.hcl', 'd.hcl']);
    for (const expected of [
      /^a\.hcl:1:18: "adress" is not known here; .*did you mean "address"\?$/,
      /^a\.hcl:1:46: "tls_disable" must be true or false/,
      /^a\.hcl:2:28: "address" must be HOST:PORT/,
      /^b\.hcl:1:25: "path" must be a string/,
      /^b\.hcl:1:28: "size" is not known here/,
      /^b\.hcl:2:13: "log_level" must be one of/,
      /^b\.hcl:4:1: "log_fromat" is not known here; .*did you mean "log_format"\?$/,
      /^d\.hcl:1:6: "ui" must be true or false/,
    ]) {
      assert.equal(errors.filter((error) => expected.test(error)).length, 1, `${expected} in\n${errors.join('\n')}`);
    }
    const broken = await examine(['missing.hcl', 'c.hcl', 'b.hcl']);
    assert.match(broken.errors[0] ?? '', /^cannot read the configuration "[^"]+": no such file or directory$/);
    assert.match(broken.errors[1] ?? '', /^c\.hcl:1:\d+: /);
    assert.ok(!broken.errors.some((error) => error.includes('is missing')), 'nobody knows what a broken file says');
  });

  it('tell what is wrong with the URL of a store, without showing it', async () => {
    const store = (url: string) => `storage "yugabytedb" {\n  connection_url = "${url}"\n}`;
    for (const [url, said] of [
      [
        'postgres://u:hunter2@h/db?load_balanc=true',
        /there is no setting "load_balanc"; did you mean "load_balance"\?$/,
      ],
      ['postgres://u:hunter2@h/db?target_session_attrs=standby', /a store must be writable$/],
      ['hunter2', /field "connection_url"/],
    ] as const) {
      await write({ 'a.hcl': `${LISTENER}\n${store(url)}` });
      const { config, errors } = await examine(['a.hcl']);
      assert.equal(config, undefined);
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? '', /^a\.hcl:\d+:20: storage "yugabytedb": field "connection_url"/);
      assert.match(errors[0] ?? '', said);
      assert.ok(!errors[0]?.includes('hunter2'));
    }
    await write({ 'a.hcl': `${LISTENER}\n${store('postgres://u:p@h:5433,i:5433/db?load_balance=true')}` });
    assert.deepEqual((await examine(['a.hcl'])).errors, []);
  });

  it('are only read with the permissions that are asked for', async () => {
    await write({ 'a.hcl': `${LISTENER}\n${STORAGE}` });
    await chmod(join(directory, 'a.hcl'), 0o666);
    assert.deepEqual((await examine(['a.hcl'])).errors, []);
    const wrong = await examine(['a.hcl'], { VAULT_ENABLE_FILE_PERMISSIONS_CHECK: 'yes' });
    assert.match(String(wrong.errors[0]), /environment variable VAULT_ENABLE_FILE_PERMISSIONS_CHECK/);
    const { errors } = await examine(['a.hcl'], { VAULT_ENABLE_FILE_PERMISSIONS_CHECK: 'T' });
    assert.match(errors[0] ?? '', /has insecure permissions 0666/);
  });
});

/** Keys of Vault's and OpenBao's configuration that this server has nothing for. */
const HARMLESS = `ui = true|ui = 0|disable_mlock = true|cluster_addr = "https://x:8201"
  service_registration "kubernetes" { }|cache_size = "100"|disable_cache = "1"|raw_storage_endpoint = false
  introspection_endpoint = true|license_path = "/x"|experiments = ["a"]|reporting { }|detect_deadlocks = "statelock"
  deny_slash_in_templated_paths = true|disable_clustering = true|disable_sealwrap = true|disable_performance_standby = true|plugin_tmpdir = "/tmp"
  enable_response_header_hostname = true|remove_irrevocable_lease_after = "30d"|imprecise_lease_role_tracking = true`.split(
  /\||\n\s*/,
);

describe("Vault's keys that nothing is done with", () => {
  const examineText = async (text: string) => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-config-'));
    try {
      const file = join(directory, 'c.hcl');
      await writeFile(file, `${LISTENER}\n${STORAGE}\n${text}`);
      const found = await examineConfig([file], {});
      return { ...found, warnings: found.warnings.map((warning) => warning.replace(`${directory}/`, '')) };
    } finally {
      await rm(directory, { recursive: true });
    }
  };

  for (const text of HARMLESS) {
    it(`give one warning with the line: ${text}`, async () => {
      const { config, errors, warnings } = await examineText(text);
      assert.deepEqual(errors, []);
      assert.notEqual(config, undefined);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', new RegExp(`^c\\.hcl:3:1: "${/\w+/.exec(text)?.[0]}" has no effect: .`));
    });
  }

  it('give one warning however many listeners and addresses have them', async () => {
    const text = 'cluster_address = "127.0.0.1:1"\ntls_disable = true\ntls_client_ca_file = "/x"';
    const listener = (port: number) => `listener "tcp" {\naddress = "127.0.0.1:${port}"\n${text}\n}\n`;
    const { warnings } = await examineText(`${listener(2)}${listener(3)}`);
    assert.deepEqual(
      warnings.map((warning) => /^c\.hcl:(\d+):\d+: ("\w+" has no effect(?: without "\w+"|:))/.exec(warning)?.slice(1)),
      [
        ['5', '"cluster_address" has no effect:'],
        ['7', '"tls_client_ca_file" has no effect without "tls_require_and_verify_client_cert"'],
        ['13', '"tls_client_ca_file" has no effect without "tls_require_and_verify_client_cert"'],
      ],
    );
  });

  for (const [text, message] of [
    ['ui = "perhaps"', /^c\.hcl:3:\d+: "ui" must be true or false/],
    ['cache_size = "many"', /^c\.hcl:3:\d+: "cache_size" must be a number/],
    ['cluster_addr = 3', /^c\.hcl:3:\d+: "cluster_addr" must be a string/],
    ['ha_storage "consul" { }', /^c\.hcl:3:1: "ha_storage" is not supported: .*remove it/],
    ['entropy "seal" { }', /^c\.hcl:3:1: "entropy" is not supported/],
    ['kms_library "pkcs11" { }', /^c\.hcl:3:1: "kms_library" is not supported/],
    ['initialize "x" { }', /^c\.hcl:3:1: "initialize" is not supported: .*"operator init"/],
    ['disable_mlok = true', /^c\.hcl:3:1: "disable_mlok" is not known here/],
    ['__proto__ = 1', /^c\.hcl:3:1: "__proto__" is not known here/],
  ] as const) {
    it(`are refused where they would be believed, or are wrong: ${text}`, () => {
      assert.throws(() => parseServerConfig(`${LISTENER}\n${STORAGE}\n${text}`, 'c.hcl'), {
        code: 'invalid-request',
        message,
      });
    });
  }

  it('are shown as they were set, and nothing that is secret', async () => {
    const found = await examineText(
      `ui = true\ndisable_mlock = 1\nmax_lease_ttl = "1h"\nseal "static" { current_key_id = "a", current_key = "env://SECRET_NAME" }`,
    );
    const shown = sanitizedConfig(found, { level: 'info', format: 'standard' });
    assert.deepEqual(
      [shown['enable_ui'], shown['disable_mlock'], shown['max_lease_ttl'], shown['seals'], shown['listeners']],
      [true, true, 3600, [{ type: 'static', disabled: false }], [{ type: 'tcp', config: { tls_disable: true } }]],
    );
    assert.ok(!JSON.stringify(shown).includes('SECRET_NAME'));
    const url = 'postgres://coffer:hunter2@db/coffer';
    const directory = await mkdtemp(join(tmpdir(), 'coffer-config-'));
    await writeFile(join(directory, 'c.hcl'), `${LISTENER}\nstorage "yugabytedb" { connection_url = "${url}" }`);
    const stored = sanitizedConfig(await examineConfig([join(directory, 'c.hcl')], {}), {
      level: 'info',
      format: 'json',
    });
    await rm(directory, { recursive: true });
    assert.deepEqual(stored['storage'], {
      type: 'yugabytedb',
      redirect_addr: '',
      cluster_addr: '',
      disable_clustering: false,
    });
    assert.ok(!JSON.stringify(stored).includes('hunter2'));
  });
});

describe('docs/configuration.md', () => {
  it('has each key of Vault that is ignored or refused, and no other', async () => {
    const page = await readFile(join(import.meta.dirname, '../../../../docs/configuration.md'), 'utf8');
    const section = (title: string) => page.split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
    const keys = (title: string) => [...section(title).matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key);
    assert.deepEqual(keys('Have no effect'), Object.keys(WITHOUT_EFFECT));
    assert.deepEqual(keys('Are refused'), Object.keys(REFUSED));
    for (const key of KEYS) {
      assert.ok(section('Work').includes(`\`${key}\``), key);
      assert.ok(!(key in WITHOUT_EFFECT) && !(key in REFUSED), `${key} works, and is taken out`);
    }
  });
});
