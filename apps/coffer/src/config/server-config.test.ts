import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseServerConfig } from './server-config.ts';

const LISTENER = 'listener "tcp" { tls_disable = true }';
const STORAGE = 'storage "file" { path = "/var/lib/coffer" }';
const parse = (text: string) => parseServerConfig(text, 'c.hcl');

describe('the configuration file', () => {
  it('reads every example of the documentation', async () => {
    const page = await readFile(join(import.meta.dirname, '../../../../docs/production.md'), 'utf8');
    const examples = [...page.matchAll(/```hcl\n([\s\S]*?)```/g)].map(([, text]) => parse(text ?? ''));
    assert.equal(examples.length, 2);
    const [withTls, withSeal] = examples;
    assert.deepEqual(withTls, {
      listeners: [
        {
          host: '0.0.0.0',
          port: 8200,
          tls: { certFile: '/etc/coffer/tls/cert.pem', keyFile: '/etc/coffer/tls/key.pem' },
        },
      ],
      audit: { devices: [], rules: {} },
      storage: { type: 'file', directory: '/var/lib/coffer' },
      pluginDirectory: '/usr/local/lib/coffer/plugins',
      apiAddr: 'https://coffer.example.com:8200',
      clusterName: 'secrets-eu',
      defaultLeaseTtl: 3600,
      maxLeaseTtl: 86_400,
      logLevel: 'info',
    });
    assert.deepEqual(withSeal?.seal, {
      type: 'static',
      current: { id: '2026-11', url: 'file:///etc/coffer/unseal.key' },
    });
    assert.equal(withSeal?.storage.type, 'yugabytedb');
    assert.ok(!JSON.stringify(withSeal).includes('PASSWORD'));
  });

  it('knows the seal to use, and the one that the store moves away from', async () => {
    const page = await readFile(join(import.meta.dirname, '../../../../docs/seals.md'), 'utf8');
    const seals = (text: string) => parse(`${LISTENER}\n${STORAGE}\n${text}`);
    const [transit, moving, ...more] = [...page.matchAll(/```hcl\n([\s\S]*?)```/g)].map(([, text = '']) => seals(text));
    assert.deepEqual(more, []);
    const server = { address: 'https://vault.example.com:8200', mountPath: 'transit/', keyName: 'unseal' };
    assert.deepEqual(transit?.seal, { type: 'transit', ...server, caFile: '/etc/coffer/tls/vault-ca.pem' });
    assert.deepEqual(moving?.seal, { type: 'transit', ...server });
    assert.equal(moving?.formerSeal?.type, 'static');

    const all =
      seals(`seal "transit" { address = "a", token = "hvs.x", key_name = "k", mount_path = "m", namespace = "n",
      key_id_prefix = "p", disable_renewal = "true", tls_client_cert = "c", tls_client_key = "d", tls_server_name = "s",
      tls_skip_verify = true, disabled = true }`);
    assert.equal(all.seal, undefined);
    assert.partialDeepStrictEqual(all.formerSeal, {
      disableRenewal: true,
      skipVerify: true,
      keyIdPrefix: 'p',
      certFile: 'c',
    });
    assert.ok(!JSON.stringify(all).includes('hvs.x'));
    assert.deepEqual(seals('seal "transit" { }').seal, { type: 'transit' });
    assert.equal(seals('seal "transit" { disabled = "false" }').seal?.type, 'transit');
    assert.equal(seals('seal "shamir" { }').seal, undefined);
    for (const [wrong, said] of [
      ['seal "transit" { } seal "transit" { }', /"seal" is set twice; disabled = "true" marks/],
      ['seal "transit" { disabled = true } seal "transit" { disabled = true }', /"seal" is set twice/],
      ['seal "transit" { tls_client_cert = "c" }', /must be set together/],
      ['seal "transit" { adress = "a" }', /"adress"/],
      ['seal "transit" { disabled = "perhaps" }', /"disabled" must be true or false/],
      ['seal "shamir" { disabled = true }', /Shamir seals cannot be set disabled/],
      ['seal "gcpckms" { }', /the types of seal are "static" and "transit"/],
    ] as const) {
      assert.throws(() => seals(wrong), said);
    }
  });

  it('refuses an address that clients could not use, a default that is longer than the maximum, and a block without its label', () => {
    const parsed = (text: string) => parse(`${LISTENER}\n${STORAGE}\n${text}`);
    for (const [wrong, said] of [
      ['api_addr = "coffer.example.com"', /"api_addr" must be an http:\/\/ or https:\/\/ URL/],
      ['api_addr = "coffer:8200"', /"api_addr" must be/],
      ['api_addr = "https://{{ GetPrivateIP }}:8200"', /without templates/],
      ['default_lease_ttl = "769h"', /"default_lease_ttl" is longer than "max_lease_ttl", which is 768h/],
      ['default_lease_ttl = "769h"\nmax_lease_ttl = 0', /which is 768h/],
      ['user_lockout { lockout_threshold = 3 }', /"user_lockout" takes 1 label, as in/],
      ['seal { current_key = "file:///k" }', /"seal" takes 1 label/],
    ] as const) {
      assert.throws(() => parsed(wrong), said);
    }
    assert.equal(parsed('default_lease_ttl = "769h"\nmax_lease_ttl = "800h"').defaultLeaseTtl, 769 * 3600);
    assert.equal(parsed('api_addr = ""').apiAddr, undefined);
    for (const address of ['::1:8200', '{{ GetPrivateIP }}:8200', '[::1]', '127.0.0.1:65536', 'a b:1'])
      assert.throws(() => parse(`listener "tcp" { address = "${address}", tls_disable = 1 }\n${STORAGE}`), /HOST:PORT/);
    for (const address of ['[::1]:8200', '[fe80::1%eth0]:8200', 'node-1.example.com:8200', ':8200'])
      parse(`listener "tcp" { address = "${address}", tls_disable = 1 }\n${STORAGE}`);
    const long = `/run/${'x'.repeat(103)}`;
    assert.throws(() => parse(`listener "unix" { address = "${long}" }\n${STORAGE}`), /longer than 107 bytes/);
  });

  it('says how long a client is kept waiting, in all and for one listener', () => {
    const limits = (text: string) => parse(`${text} ${STORAGE}`).listeners.map(({ maxRequestMs }) => maxRequestMs);
    const own = 'listener "tcp" { address = ":8300", tls_disable = true, max_request_duration = "5s" }';
    assert.deepEqual(limits(LISTENER), [undefined]);
    assert.deepEqual(limits(`${LISTENER} ${own} default_max_request_duration = "2m"`), [120_000, 5_000]);
    assert.deepEqual(limits(`${LISTENER} default_max_request_duration = 30`), [30_000]);
    assert.deepEqual(limits(`${LISTENER} default_max_request_duration = 0`), [undefined], 'the default, as in Vault');
    assert.throws(() => limits(`${LISTENER} default_max_request_duration = "soon"`), /must be a duration/);
    assert.throws(() => limits(own.replace('5s', '-5s')), /"max_request_duration" must be a duration/);
  });

  it('says how long a server that is to end is still there', () => {
    const delay = (text: string) => parse(`${LISTENER} ${STORAGE} ${text}`).shutdownDelay;
    assert.equal(delay(''), undefined);
    for (const [text, seconds] of [
      ['"15s"', 15],
      ['"1m30s"', 90],
      ['20', 20],
      ['0', 0],
      ['"10m"', 600],
    ] as const) {
      assert.equal(delay(`shutdown_delay = ${text}`), seconds, text);
    }
    for (const text of ['"soon"', '-1', '"-5s"']) {
      assert.throws(() => delay(`shutdown_delay = ${text}`), /c\.hcl:1:\d+: "shutdown_delay" must be a duration/);
    }
    for (const text of ['"10m1s"', '601', '"1h"']) {
      assert.throws(() => delay(`shutdown_delay = ${text}`), /"shutdown_delay" must not be longer than 10 minutes/);
    }
  });

  it('reads JSON, several listeners, and Vault’s numbers for tls_disable', () => {
    const config = parse(
      JSON.stringify({
        listener: [{ tcp: { address: ':8200', tls_disable: 1 } }, { tcp: { address: '[::1]:8300', tls_disable: '1' } }],
        storage: { file: { path: '/x' } },
      }),
    );
    assert.deepEqual(config.listeners, [
      { host: '0.0.0.0', port: 8200 },
      { host: '::1', port: 8300 },
    ]);
  });

  it('reads what is served without a token: by Vault’s key everywhere, by OpenBao’s at one listener', () => {
    const access = (text: string) => parse(text).listeners.map((listener) => listener.unauthenticatedAccess);
    assert.deepEqual(access(`${LISTENER}\n${STORAGE}`), [undefined]);
    assert.deepEqual(access(`${LISTENER}\n${STORAGE}\nenable_unauthenticated_access = []`), [undefined]);
    const both = '["rekey", "generate-root"]';
    assert.deepEqual(access(`${LISTENER}\n${STORAGE}\nenable_unauthenticated_access = ${both}`), [
      ['rekey', 'generate-root'],
    ]);
    const listener = (keys: string) => `listener "tcp" { tls_disable = true, ${keys} }`;
    const disabled = listener(
      'disable_unauthed_rekey_endpoints = true, disable_unauthed_generate_root_endpoints = true',
    );
    const opened = listener('address = ":8300", disable_unauthed_generate_root_endpoints = "false"');
    assert.deepEqual(access(`${disabled}\n${opened}\n${STORAGE}`), [undefined, ['generate-root']]);
    assert.deepEqual(access(`${opened}\n${STORAGE}\nenable_unauthenticated_access = "generate-root"`), [
      ['generate-root'],
    ]);
  });

  it('reads whose plugins are started, and in which mode', () => {
    const trust = (text: string) => parse(`${LISTENER}\n${STORAGE}\n${text}`).pluginTrust;
    assert.equal(trust('plugin_file_uid = 0\nplugin_file_permissions = "0"'), undefined);
    assert.deepEqual(trust('plugin_file_uid = 1002'), { uid: 1002 });
    assert.deepEqual(trust('plugin_file_permissions = "0750"'), { permissions: 0o750 });
    assert.deepEqual(trust('plugin_file_permissions = 750'), { permissions: 0o750 });
  });

  for (const [name, text, message] of [
    ['an unknown key', `${LISTENER}\n${STORAGE}\nmax_ttl = 3`, /^c\.hcl:3:1: "max_ttl" is not known here; known are /],
    [
      'an unknown key in a block',
      `listener "tcp" {\n  adress = "x"\n}\n${STORAGE}`,
      /^c\.hcl:2:3: "adress" is not known/,
    ],
    ['no listener', STORAGE, /a block listener "tcp"/],
    ['no storage', LISTENER, /a block storage "file"/],
    ['two storages', `${LISTENER}\n${STORAGE}\n${STORAGE}`, /^c\.hcl:3:1: "storage" is set twice/],
    [
      'another storage',
      `${LISTENER}\nstorage "raft" { path = "x" }`,
      /^c\.hcl:2:1: the types of storage are "file" and "yugabytedb": write storage "file" \{ path = "\/var\/lib\/coffer" \} for one server, or storage "yugabytedb"/,
    ],
    [
      'the storage of tests',
      `${LISTENER}\nstorage "inmem" {}`,
      /^c\.hcl:2:1: .*: to keep nothing, start with "server -dev"$/,
    ],
    [
      'a database as storage',
      `${LISTENER}\nstorage "postgresql" {}`,
      /^c\.hcl:2:1: .*: write storage "yugabytedb" \{ connection_url/,
    ],
    ['a misspelt storage', `${LISTENER}\nstorage "flie" {}`, /^c\.hcl:2:1: .*: Did you mean "file"\?$/],
    [
      'a listener of another type',
      `listener "udp" { address = "x" }\n${STORAGE}`,
      /^c\.hcl:1:1: the types of listener/,
    ],
    ['no certificate', `listener "tcp" { address = "127.0.0.1:1" }\n${STORAGE}`, /^c\.hcl:1:1: set "tls_cert_file"/],
    ['a wrong address', `listener "tcp" { address = "x" }\n${STORAGE}`, /^c\.hcl:1:\d+: "address" must be HOST:PORT/],
    ['a wrong level', `${LISTENER}\n${STORAGE}\nlog_level = "loud"`, /^c\.hcl:3:\d+: "log_level" must be one of/],
    ['a wrong duration', `${LISTENER}\n${STORAGE}\nmax_lease_ttl = "long"`, /^c\.hcl:3:\d+: "max_lease_ttl" must be/],
    [
      'limits that cross',
      `${LISTENER}\n${STORAGE}\ndefault_lease_ttl = "2h"\nmax_lease_ttl = "1h"`,
      /^c\.hcl:3:\d+: "default_lease_ttl" is longer/,
    ],
    ['a relative plugin directory', `${LISTENER}\n${STORAGE}\nplugin_directory = "p"`, /^c\.hcl:3:\d+: .*absolute/],
    [
      'a group that cannot be opened',
      `${LISTENER}\n${STORAGE}\nenable_unauthenticated_access = ["seal"]`,
      /^c\.hcl:3:\d+: "enable_unauthenticated_access" may contain "rekey" and "generate-root"$/,
    ],
    ['permissions that are none', `${LISTENER}\n${STORAGE}\nplugin_file_permissions = "rwx"`, /^c\.hcl:3:\d+: .*octal/],
    ['a user that is none', `${LISTENER}\n${STORAGE}\nplugin_file_uid = -1`, /^c\.hcl:3:\d+: .*numeric user ID/],
    [
      'another seal',
      `${LISTENER}\n${STORAGE}\nseal "awskms" { }`,
      /^c\.hcl:3:1: the types of seal are "static" and "transit"/,
    ],
    [
      'half a key',
      `${LISTENER}\n${STORAGE}\nseal "static" { current_key_id = "a" }`,
      /^c\.hcl:3:\d+: .*must be set together/,
    ],
    [
      'a key in the file itself',
      `${LISTENER}\n${STORAGE}\nseal "static" { current_key_id = "a", current_key = "c2VjcmV0" }`,
      /^c\.hcl:3:\d+: "current_key" must be "file:\/\/\/PATH" or "env:\/\/NAME"$/,
    ],
  ] as const) {
    it(`names the line of ${name}`, () => {
      assert.throws(() => parse(text), { code: 'invalid-request', message });
    });
  }

  it('says when users are locked out, by the type of the auth method', () => {
    const lockouts = parse(`${LISTENER}\n${STORAGE}\nuser_lockout "all" { lockout_threshold = "3" }
      user_lockout "UserPass" { lockout_duration = "1h" lockout_counter_reset = 60 disable_lockout = true }`).userLockouts;
    assert.deepEqual(lockouts?.('approle'), {
      ...{ threshold: 3, durationMs: 900_000, counterResetMs: 900_000, disabled: false },
    });
    assert.deepEqual(lockouts?.('userpass'), {
      ...{ threshold: 3, durationMs: 3_600_000, counterResetMs: 60_000, disabled: true },
    });
    assert.equal(parse(`${LISTENER}\n${STORAGE}`).userLockouts, undefined);
    const refuse = (text: string, error: RegExp): void =>
      assert.throws(() => parse(`${LISTENER}\n${STORAGE}\n${text}`), { code: 'invalid-request', message: error });
    refuse('user_lockout "token" {}', /c\.hcl:3:1: the types of user_lockout are "all", "userpass", "approle", "ldap"/);
    refuse('user_lockout "all" { lockout_threshold = 0 }', /"lockout_threshold" must be a whole number/);
    refuse('user_lockout "all" { threshold = 1 }', /"threshold" is not known here/);
    refuse('user_lockout "all" {}\nuser_lockout "ALL" {}', /c\.hcl:4:1: user_lockout "all" is set twice/);
  });
});
