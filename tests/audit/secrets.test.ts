/**
 * Every secret that is made while credentials are issued, renewed, rotated and revoked, looked for in all that watches a server: lines of
 * file and socket devices, metrics, the log at trace, and spans.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { randomBase62 } from '@coffer/base';
import { databaseUnderTest, dropAdmin, eventually, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { type Api, apiAt, textOf } from '../auth/api.ts';
import { configure, startTestServer, type TestServer } from '../dev-server.ts';
import { type Collector as Spans, startCollector as collectSpans } from '../otlp-collector.ts';
import { type Collector as Lines, startCollector as collectLines } from './collector.ts';

const admin = { user: `audited_${randomBase62(8)}`.toLowerCase(), password: `of-the-admin-${randomBase62(8)}` };
const fixedUser = `${admin.user}_static`;
/** All that this policy can make, so that a password is known that no answer shows. */
const ROTATED = 'q'.repeat(24);
const ROTATED_POLICY = 'length = 24\nrule "charset" { charset = "q" }';
const directory = mkdtempSync(join(tmpdir(), 'coffer-audited-'));

let database: TestDatabase;
let server: TestServer;
let spans: Spans;
const lines: Record<'tcp' | 'unix', Lines | undefined> = { tcp: undefined, unix: undefined };
let api: Api;
const secrets = new Map<string, string>([
  ['the password of the connection', admin.password],
  ['the password of the connection after its rotation', ROTATED],
]);

before(async () => {
  [database, spans] = await Promise.all([databaseUnderTest(), collectSpans()]);
  await makeAdmin(database, admin);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: spans.url, OTEL_BSP_SCHEDULE_DELAY: '50' };
  server = await startTestServer({ env });
  api = apiAt(server.address);
  lines.tcp = await collectLines();
  lines.unix = await collectLines(join(directory, 'socket'));
  const socket = (address: string, type: string) => ({ type: 'socket', options: { address, socket_type: type } });
  await api.ok('PUT', 'sys/audit/file', { type: 'file', options: { file_path: join(directory, 'file.log') } });
  await api.ok('PUT', 'sys/audit/tcp', socket(lines.tcp.address, 'tcp'));
  await api.ok('PUT', 'sys/audit/unix', socket(lines.unix.address, 'unix'));
});
after(async () => {
  await server.close();
  spans.close();
  for (const collector of Object.values(lines)) collector?.stop();
  await dropAdmin(database, admin.user);
  await database.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Answers that hand something out, and what of it is secret. */
async function credentials(): Promise<void> {
  await api.ok('PUT', 'sys/policies/password/q', { policy: ROTATED_POLICY });
  const { host, port, database: db } = database;
  await configure(
    server.client,
    { host, port, db, username: admin.user, password: admin.password, password_policy: 'q' },
    {
      credential_config: {},
    },
  );
  const password = { credential_config: { password_policy: 'mixed' } };
  await api.ok('PUT', 'sys/policies/password/mixed', {
    policy: `length = 20\nrule "charset" { charset = "abcdefghijklmnopqrstuvwxyz0123456789\\"'&%/ü" }`,
  });
  const creation = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;
  const role = { db_name: 'yugabytedb', creation_statements: creation, default_ttl: '1h', ...password };
  await api.ok('PUT', 'database/roles/mine', role);
  const leases: string[] = [];
  for (const wrapTtl of [undefined, undefined, '60']) {
    const answer = await api.ok('GET', 'database/creds/mine', undefined, wrapTtl === undefined ? {} : { wrapTtl });
    const token = wrapTtl === undefined ? '' : textOf(answer.wrapInfo['token']);
    if (token !== '') secrets.set('a wrapping token', token);
    const shown = token === '' ? answer : await api.ok('PUT', 'sys/wrapping/unwrap', undefined, { token });
    secrets.set(`the password of lease ${leases.length}`, textOf(shown.data['password']));
    leases.push(textOf(shown.body['lease_id']));
  }
  const [first = '', second = '', third = ''] = leases;
  await api.ok('PUT', 'sys/leases/renew', { lease_id: first, increment: 1800 });
  await api.ok('PUT', 'sys/leases/revoke', { lease_id: first, sync: true });
  await api.ok('PUT', 'sys/leases/lookup', { lease_id: second });
  await api.ok('PUT', `sys/leases/revoke-prefix/database/creds/mine`, { sync: true });
  assert.equal((await api('PUT', 'sys/leases/renew', { lease_id: third })).status, 400);
  const made = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; SELECT * FROM "{{password}}"`;
  await api('PUT', 'database/roles/bad', { ...role, creation_statements: made });
  await api('GET', 'database/creds/bad');
  await api('GET', 'database/creds/none');
  await api.ok('PUT', 'database/rotate-root/yugabytedb');
  // A wrong password: the error of the database comes by the same ways.
  const wrong = { plugin_name: 'ysql-plugin', host, port, db, username: admin.user, password: 'a-wrong-password' };
  secrets.set('a wrong password', wrong.password);
  assert.equal((await api('PUT', 'database/config/wrong', wrong)).status, 400);
  await staticCredentials();
}

async function staticCredentials(): Promise<void> {
  // By the product itself, whose admin may then change it.
  const [creation, revocation] = [`CREATE ROLE ${fixedUser} LOGIN`, `DROP ROLE ${fixedUser}`];
  const role = {
    db_name: 'yugabytedb',
    creation_statements: `${creation}; CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`,
  };
  await api.ok('PUT', 'database/roles/maker', {
    ...role,
    revocation_statements: `DROP ROLE "{{name}}"; ${revocation}`,
  });
  const maker = await api.ok('GET', 'database/creds/maker');
  secrets.set('the password of the maker', textOf(maker.data['password']));
  const fixed = { db_name: 'yugabytedb', username: fixedUser, rotation_period: '1h' };
  await api.ok('PUT', 'database/static-roles/fixed', { ...fixed, credential_config: { password_policy: 'mixed' } });
  for (const when of ['before', 'after']) {
    const { data } = await api.ok('GET', 'database/static-creds/fixed');
    secrets.set(`the static password ${when}`, textOf(data['password']));
    if (when === 'before') await api.ok('PUT', 'database/rotate-role/fixed');
  }
  await api.ok('DELETE', 'database/static-roles/fixed');
  await api.ok('PUT', 'sys/leases/revoke', { lease_id: textOf(maker.body['lease_id']), sync: true });
}

async function logins(): Promise<void> {
  await api.ok('PUT', 'sys/auth/userpass', { type: 'userpass' });
  await api.ok('PUT', 'sys/auth/approle', { type: 'approle' });
  secrets.set('the password of a user', 'of-ana-"quoted"-ü');
  await api.ok('PUT', 'auth/userpass/users/ana', { password: secrets.get('the password of a user') ?? '' });
  const login = await api.ok(
    'PUT',
    'auth/userpass/login/ana',
    { password: secrets.get('the password of a user') ?? '' },
    { token: '' },
  );
  secrets.set('the token of a login', textOf(login.auth['client_token']));
  await api.ok('PUT', 'auth/approle/role/web', {});
  const { data } = await api.ok('PUT', 'auth/approle/role/web/secret-id', {});
  secrets.set('a secret id', textOf(data['secret_id']));
  const { data: id } = await api.ok('GET', 'auth/approle/role/web/role-id');
  const ids = { role_id: textOf(id['role_id']), secret_id: textOf(data['secret_id']) };
  secrets.set(
    'the token of a role',
    textOf((await api.ok('PUT', 'auth/approle/login', ids, { token: '' })).auth['client_token']),
  );
  await api.ok('PUT', 'cubbyhole/mine', { value: 'kept-for-one-token-only' });
  await api.ok('GET', 'cubbyhole/mine');
  secrets.set('what a cubbyhole holds', 'kept-for-one-token-only');
  await api.ok('PUT', 'auth/token/revoke', { token: secrets.get('the token of a role') ?? '' });
}

const metrics = async (format: string): Promise<string> =>
  (await fetch(`${server.address}/v1/sys/metrics?format=${format}`, { headers: { 'x-vault-token': 'root' } })).text();

describe('every secret that is made', () => {
  it('is found nowhere in what watches the server', async () => {
    await credentials();
    await logins();
    const file = (): string => readFileSync(join(directory, 'file.log'), 'utf8');
    await eventually(
      () => spans.spans.some(({ name }) => name === 'PUT /v1/auth/token/revoke') || undefined,
      'the last spans',
    );
    const watched: Readonly<Record<string, string>> = {
      'the file': file(),
      'the socket': lines.tcp?.lines().join('\n') ?? '',
      'the unix socket': lines.unix?.lines().join('\n') ?? '',
      'the metrics': (await metrics('prometheus')) + (await metrics('')),
      'the log': server.log(),
      'the spans': Buffer.concat(spans.bodies).toString('latin1') + JSON.stringify(spans.spans),
    };
    assert.equal(secrets.size, 15);
    for (const [where, text] of Object.entries(watched)) {
      assert.ok(text.length > 1_000, `${where} has something`);
      for (const [what, secret] of secrets) {
        const json = JSON.stringify(secret).slice(1, -1);
        for (const form of [
          secret,
          json,
          json.replaceAll('"', '\\"'),
          encodeURIComponent(secret),
          Buffer.from(secret).toString('base64'),
        ]) {
          assert.ok(!text.includes(form), `${where} shows ${what}`);
        }
      }
    }
  });

  it('is there by its hash where an answer or a request held it', async () => {
    const texts = { file: readFileSync(join(directory, 'file.log'), 'utf8'), tcp: lines.tcp?.lines().join('\n') ?? '' };
    for (const [device, text] of Object.entries(texts)) {
      for (const [what, input] of secrets) {
        if (input === ROTATED) continue;
        const { data } = await api.ok('PUT', `sys/audit-hash/${device}`, { input });
        assert.ok(text.includes(textOf(data['hash'])), `${device}: ${what}`);
      }
    }
  });
});
