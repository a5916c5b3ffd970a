/** `operator validate` and `operator diagnose`, as an operator runs them before and beside a server. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { createCertificateAuthority, databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { coffer } from './coffer-process.ts';
import { DurableHome } from './durable-process.ts';

interface Result {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly warnings?: readonly string[];
  readonly children?: readonly Result[];
}

function find(result: Result, name: string): Result {
  const all = (each: Result): Result[] => [each, ...(each.children ?? []).flatMap(all)];
  const found = all(result).find((each) => each.name === name);
  assert.ok(found !== undefined, `${name} in ${JSON.stringify(result)}`);
  return found;
}

describe('a configuration that is looked at before it is used', () => {
  let home: DurableHome;
  let database: TestDatabase;
  const url = () => `postgres://${database.user}:${database.password}@${database.host}:${database.port}/postgres`;
  before(async () => {
    home = await DurableHome.make();
    database = await databaseUnderTest();
    const authority = await createCertificateAuthority();
    await writeFile(home.path('ca.pem'), authority.certificatePem);
    const pems = { good: {}, old: { validity: { notBefore: new Date(2020, 1), notAfter: new Date(2021, 1) } } };
    for (const [name, dates] of Object.entries(pems)) {
      const { certificatePem, privateKeyPem } = await authority.issue({ commonName: name, ...dates });
      await writeFile(home.path(`${name}.pem`), certificatePem);
      await writeFile(home.path(`${name}.key`), privateKeyPem, { mode: 0o600 });
    }
  });
  after(async () => {
    await home.remove();
    await database.stop();
  });
  const run = (command: string, ...more: readonly string[]) =>
    coffer(['operator', command, `-config=${home.path('coffer.hcl')}`, ...more]);
  const diagnose = async (...more: readonly string[]) => {
    const { exit, stdout } = await run('diagnose', '-format=json', ...more);
    return { exit, result: JSON.parse(stdout) as Result };
  };
  const tls = (certificate: string, key: string) =>
    `listener "tcp" { address = "127.0.0.1:0", tls_cert_file = "${home.path(certificate)}", tls_key_file = "${home.path(key)}" }`;

  it('is valid, has warnings, or has errors, all of which are shown', async () => {
    await home.configure(home.fileStorage);
    assert.deepEqual(await run('validate'), { exit: 0, stdout: 'Success! The configuration is valid.\n', stderr: '' });
    await home.configure(`${home.fileStorage}\nui = true`);
    const warned = await run('validate-config');
    assert.deepEqual([warned.exit, /^WARNING! .*coffer\.hcl:3:1: "ui" has no effect: /.test(warned.stderr)], [0, true]);
    await home.configure(`${home.fileStorage}\nuii = true\nlog_level = "loud"`);
    const wrong = await run('validate');
    assert.equal(wrong.exit, 1);
    assert.match(
      wrong.stderr,
      /coffer\.hcl:3:1: "uii" is not known here[\s\S]*coffer\.hcl:4:13: "log_level" must be one of/,
    );
    const json = await run('validate', '-format=json');
    const { valid, errors } = JSON.parse(json.stdout) as { valid: boolean; errors: string[] };
    assert.deepEqual([json.exit, valid, errors.length], [1, false, 2]);
    assert.equal((await coffer(['operator', 'validate'])).exit, 1);
  });

  it('of a file store is well, and nothing is made by looking', async () => {
    await home.configure(home.fileStorage, tls('good.pem', 'good.key'));
    const { exit, result } = await diagnose();
    assert.deepEqual([exit, result.status], [0, 'ok'], JSON.stringify(result));
    assert.match(find(result, 'Check Storage Permissions').message ?? '', /no store yet/);
    assert.deepEqual(
      (await readdir(home.directory)).filter((name) => name === 'data'),
      [],
    );
    const text = await run('diagnose');
    assert.match(
      text.stdout,
      /^Coffer .*\n\nResults:\n\[ success \] Vault Diagnose\n {2}\[ success \] Check Operating System\n/,
    );
  });

  it('has a certificate that has expired, or does not fit its key, or cannot be read', async () => {
    for (const [certificate, key, message] of [
      ['old.pem', 'old.key', /has expired on 2021-/],
      ['good.pem', 'old.key', /do not match/],
      ['none.pem', 'good.key', /Failed to read .*none\.pem: ENOENT/],
      ['good.key', 'good.key', /No certificates found/],
    ] as const) {
      await home.configure(home.fileStorage, tls(certificate, key));
      const { exit, result } = await diagnose();
      assert.equal(exit, 1);
      assert.match(JSON.stringify(find(result, 'Check Listener TLS')), message);
      assert.equal((await diagnose('-skip=listener')).exit, 0);
    }
    await chmod(home.path('good.key'), 0o644);
    await home.configure(home.fileStorage, tls('good.pem', 'good.key'));
    const { exit, result } = await diagnose();
    assert.equal(exit, 2);
    assert.match(JSON.stringify(find(result, 'Check Listener TLS')), /every user of this machine can read the key/);
    await chmod(home.path('good.key'), 0o600);
  });

  it('has a file of authorities for client certificates that lets in nobody', async () => {
    const withCa = (file: string) =>
      tls('good.pem', 'good.key').replace(
        '{',
        `{ tls_require_and_verify_client_cert = true, tls_client_ca_file = "${home.path(file)}",`,
      );
    for (const [file, exit, message] of [
      ['ca.pem', 0, /Valid until/],
      ['none.pem', 1, /Failed to read .*none\.pem: ENOENT/],
      ['good.key', 1, /No certificates found/],
      ['coffer.hcl', 1, /No certificates found/],
      ['old.pem', 1, /has expired on 2021-/],
      ['good.pem', 2, /is not a CA certificate/],
    ] as const) {
      await home.configure(home.fileStorage, withCa(file));
      const found = await diagnose();
      assert.equal(found.exit, exit, file);
      assert.match(JSON.stringify(find(found.result, 'Check Client CA File')), message);
    }
  });

  it('names files that are not there, or cannot be what they are said to be: each is told by its key', async () => {
    const missing = home.path('absent/file');
    const audit = (options: string) => `${home.fileStorage}\naudit "file" { ${options} }`;
    const transit = (files: string) =>
      `${home.fileStorage}\nseal "transit" { address = "https://127.0.0.1:1", token = "t", key_name = "k", mount_path = "m", ${files} }`;
    const store = (query: string) => `storage "yugabytedb" { connection_url = "${url()}?${query}" }`;
    for (const [text, name, message] of [
      [`${home.fileStorage}\nlog_file = "${missing}"`, 'Check Log File', /ENOENT/],
      [`${home.fileStorage}\nlog_file = "${home.directory}"`, 'Check Log File', /is a directory/],
      [`${home.fileStorage}\npid_file = "${missing}"`, 'Check Pid File', /ENOENT/],
      [audit(`file_path = "${missing}"`), 'Check Audit Device file/', /ENOENT/],
      [audit(`file_path = "${home.directory}"`), 'Check Audit Device file/', /is a directory/],
      [transit(`tls_ca_cert = "${missing}"`), 'Check Seal TLS File tls_ca_cert', /Failed to read/],
      [transit(`tls_ca_cert = "${home.path('old.pem')}"`), 'Check Seal TLS File tls_ca_cert', /has expired/],
      [
        transit(`tls_client_cert = "${home.path('good.pem')}", tls_client_key = "${home.path('good.pem')}"`),
        'Check Seal TLS File tls_client_key',
        /does not contain a private key/,
      ],
      [store(`sslmode=require&sslrootcert=${missing}`), 'Check Store TLS File sslrootcert', /Failed to read/],
      [store(`sslmode=require&sslcert=${home.path('old.pem')}`), 'Check Store TLS File sslcert', /has expired/],
    ] as const) {
      await home.configure(text);
      const { exit, result } = await diagnose('-skip=storage', '-skip=autounseal');
      const found = find(result, name);
      assert.deepEqual([exit, found.status], [1, 'fail'], name);
      assert.match(found.message ?? '', message);
    }
    await home.configure(
      `${audit('file_path = "stdout"')}\nlog_file = "${home.directory}/"\npid_file = "${home.path('pid')}"`,
    );
    const { result } = await diagnose();
    for (const [name, status] of [
      ['Check Audit Device file/', 'skipped'],
      ['Check Log File', 'ok'],
      ['Check Pid File', 'ok'],
    ] as const) {
      assert.equal(find(result, name).status, status, name);
    }
  });

  it('has plugins that others may change, and a key that is not there', async () => {
    await mkdir(home.path('plugins'));
    await chmod(home.path('plugins'), 0o777);
    await home.configure(
      `${home.fileStorage}\nplugin_directory = "${home.path('plugins')}"
       seal "static" { current_key_id = "a", current_key = "file://${home.path('unseal.key')}" }`,
      tls('good.pem', 'good.key'),
    );
    const { exit, result } = await diagnose();
    assert.equal(exit, 1);
    assert.match(find(result, 'Check Plugin Directory').message ?? '', /insecure permissions 0777/);
    assert.match(find(result, 'Create Vault Server Configuration Seals').message ?? '', /unseal\.key.*ENOENT/s);
  });

  it('names a database that it can reach, and its clock; without having made a table', async () => {
    await database.query('CREATE SCHEMA diagnosed AUTHORIZATION CURRENT_USER');
    await home.configure(`storage "yugabytedb" { connection_url = "${url()}" }`, tls('good.pem', 'good.key'));
    await chmod(home.path('coffer.hcl'), 0o600);
    const { exit, result } = await diagnose();
    assert.equal(exit, 0, JSON.stringify(result));
    assert.match(find(result, 'Check Storage Access').message ?? '', /no store yet/);
    assert.match(find(result, 'Check Clock').message ?? '', /The clock is -?\d+ ms/);
    const made = await database.query("SELECT 1 FROM pg_class WHERE relname = 'migrations'");
    assert.deepEqual(made, []);
    await home.configure(
      `storage "yugabytedb" { connection_url = "${url().replace(/:[^:@]*@([^:]*):\d+\//, ':hunter2@$1:1/')}" }`,
      tls('good.pem', 'good.key'),
    );
    const away = await diagnose();
    assert.equal(away.exit, 1);
    assert.equal(find(away.result, 'Check Storage Access').status, 'fail');
    assert.ok(!JSON.stringify(away.result).includes('hunter2'));
    assert.equal((await diagnose('-skip=storage')).exit, 0);
  });

  it('is in use: the address and the store are those of a server that runs', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const address = new URL(server.address).host;
    await home.configure(home.fileStorage, `listener "tcp" { address = "${address}", tls_disable = true }`);
    const { exit, result } = await diagnose();
    assert.equal(exit, 1);
    assert.match(JSON.stringify(find(result, 'Create Listeners')), /is in use/);
    assert.equal(find(result, 'Check Storage Access').status, 'warn');
    assert.equal((await diagnose('-skip=listener', '-skip=storage')).exit, 0);
    await server.stop('SIGTERM');
  });

  it('has a command line that is wrong', async () => {
    for (const wrong of [
      [],
      ['-nope'],
      ['-config'],
      ['-config=a', 'b'],
      ['-config=a', '-format=x'],
      ['-config=a', '-skip=x'],
    ]) {
      const { exit, stdout } = await coffer(['operator', 'diagnose', ...wrong]);
      assert.deepEqual([exit, stdout], [3, ''], wrong.join(' '));
    }
    assert.equal((await run('diagnose', '-skip=luck')).exit, 3);
  });
});
