/** Password policies, from sys/policies/password to the passwords that the database gets. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError } from '@coffer/client';
import { databaseUnderTest, dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { configure, issue, startTestServer, type TestServer } from './dev-server.ts';
import { tryLogin } from './logins.ts';

const policyOf = (length: number, charset: string): string =>
  `length = ${length}\nrule "charset" { charset = "${charset}" min-chars = 1 }`;

describe('password policies', () => {
  let database: TestDatabase;
  let server: TestServer;

  before(async () => {
    database = await databaseUnderTest();
    await makeAdmin(database, { user: 'policy_root', password: 'chosen' });
    await database.query("CREATE ROLE policy_app LOGIN PASSWORD 'chosen'");
    server = await startTestServer();
    for (const [name, text] of [
      ['digits', policyOf(30, '0123456789')],
      ['lower', policyOf(25, 'abcdef')],
    ] as const) {
      await server.client.write(`sys/policies/password/${name}`, { policy: text });
    }
    await configure(server.client, {
      host: database.host,
      port: database.port,
      username: 'policy_root',
      password: 'chosen',
      db: database.database,
      password_policy: 'digits',
    });
  });
  after(async () => {
    await server.close();
    await dropAdmin(database, 'policy_root');
    await database.query('DROP ROLE policy_app');
    await database.stop();
  });

  const write = (path: string, fields: JsonObject) => server.client.write(`database/${path}`, fields);
  const read = async (path: string): Promise<JsonObject> => (await server.client.read(path))?.data ?? {};
  const shownConfig = async (path: string) => (await read(`database/${path}`))['credential_config'];
  const rotated = async (): Promise<string> => {
    await write('rotate-role/app', {});
    const { password } = await read('database/static-creds/app');
    assert.deepEqual(await tryLogin(database, 'policy_app', password as string), { user: 'policy_app' });
    return password as string;
  };

  it('are kept when they can be met, and generate', async () => {
    const { password } = await read('sys/policies/password/digits/generate');
    assert.match(password as string, /^\d{30}$/);
    assert.equal((await read('sys/policies/password/digits'))['policy'], policyOf(30, '0123456789'));
    await server.client.write('sys/policies/password/team/pw', { policy: policyOf(20, 'xyz') });
    assert.match((await read('sys/policies/password/team/pw/generate'))['password'] as string, /^[xyz]{20}$/);
    const names = (await server.client.list('sys/policies/password'))?.data?.['keys'] as string[];
    assert.ok(names.includes('team/pw'), 'listed whole, as a policy is');
    await server.client.delete('sys/policies/password/team/pw');
    await assert.rejects(
      server.client.write('sys/policies/password/no', {
        policy: 'length = 4\nrule "charset" {\n  charset = "ab"\n  min-chars = 5\n}',
      }),
      /the rules ask for 5 characters, but "length" is 4/,
    );
    assert.equal(await server.client.read('sys/policies/password/no'), undefined);
  });

  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  it('are taken in base64 as well, as Vault takes them', async () => {
    const policy = policyOf(12, '01');
    const json = '{"length":12,"rule":[{"charset":[{"charset":"01"}]}]}';
    const forms: readonly (readonly [text: string, policy: string])[] = [
      [base64(policy), policy],
      [base64(`${policy}\n`).replaceAll(/(.{20})/g, '$1\r\n'), `${policy}\n`],
      [`${base64(`${policy} `)}\n`, `${policy} `],
      [base64(json), json],
    ];
    for (const [text, shown] of forms) {
      await server.client.write('sys/policies/password/encoded', { policy: text });
      assert.equal((await read('sys/policies/password/encoded'))['policy'], shown);
      assert.match((await read('sys/policies/password/encoded/generate'))['password'] as string, /^[01]{12}$/);
    }
  });

  it('are refused where base64 is another one, or what it holds is no policy', async () => {
    const standard = base64(policyOf(12, '01?>~?'));
    assert.match(standard, /[+/]/);
    const invalid = Buffer.concat([Buffer.from('# \xff\n', 'latin1'), Buffer.from(policyOf(12, '01'))]);
    const bad: readonly (readonly [text: string, reason: RegExp])[] = [
      [standard.replaceAll('+', '-').replaceAll('/', '_'), /^1:/],
      [base64(policyOf(12, '0123')).replace(/=+$/, ''), /^1:/],
      [base64(base64(policyOf(12, '0123'))), /^1:/],
      ['length', /^1:/],
      ['lengths1', /not UTF-8/],
      [invalid.toString('base64'), /not UTF-8/],
    ];
    for (const [text, reason] of bad) {
      for (const [path, field] of [
        ['sys/policies/password/bad', 'policy'],
        ['sys/policies/acl/bad', 'policy'],
        ['sys/policy/bad', 'rules'],
      ] as const) {
        await assert.rejects(
          server.client.write(path, { [field]: text }),
          (error) =>
            error instanceof ApiError &&
            error.status === 400 &&
            reason.test(error.errors.join().replace(/^failed to parse policy: (?=\d)/, '')),
          `${path} ${text}`,
        );
        assert.equal(await server.client.read(path), undefined);
      }
    }
  });

  it('for requests are taken in base64 at both of their paths', async () => {
    const policy = 'path "é/*" { capabilities = ["read"] }';
    for (const fields of [{ policy: base64(policy) }, { rules: base64(policy) }, { policy: '', rules: policy }]) {
      await server.client.write('sys/policy/encoded', fields);
      assert.equal((await read('sys/policies/acl/encoded'))['policy'], policy);
      await server.client.request('DELETE', 'sys/policies/acl/encoded');
    }
    await server.client.write('sys/policies/acl/encoded', { policy: base64(policy) });
    assert.equal((await read('sys/policies/acl/encoded'))['policy'], policy);
  });

  it('of a connection are obeyed by its users', async () => {
    const issued = await issue(server.client);
    assert.match(issued.password, /^\d{30}$/);
    assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
  });

  it('of a role come first, for users', async () => {
    await write('roles/my-first-role', { credential_config: { password_policy: 'lower' } });
    assert.deepEqual(await shownConfig('roles/my-first-role'), { password_policy: 'lower' });
    assert.match((await issue(server.client)).password, /^[a-f]{25}$/);
    await write('roles/my-first-role', { max_ttl: '48h' });
    assert.match((await issue(server.client)).password, /^[a-f]{25}$/, 'an update merges');
    await write('roles/my-first-role', { credential_config: {} });
    assert.equal(await shownConfig('roles/my-first-role'), undefined);
    assert.match((await issue(server.client)).password, /^\d{30}$/);
  });

  it('of a static role are obeyed at each rotation', async () => {
    const role = { db_name: 'yugabytedb', username: 'policy_app', rotation_period: '24h' };
    await write('static-roles/app', { ...role, credential_config: 'password_policy=lower' });
    assert.match((await read('database/static-creds/app'))['password'] as string, /^[a-f]{25}$/);
    assert.deepEqual(await shownConfig('static-roles/app'), { password_policy: 'lower' });
    assert.match(await rotated(), /^[a-f]{25}$/);
    await write('static-roles/app', { credential_config: { password_policy: '' } });
    assert.match(await rotated(), /^\d{30}$/);
    await write('static-roles/app', { credential_config: { password_policy: 'lower' } });
    assert.match(await rotated(), /^[a-f]{25}$/);
  });

  it('of a connection are obeyed by rotate-root', async () => {
    await server.client.write('sys/policies/password/short', { policy: policyOf(8, 'xyz') });
    await write('config/yugabytedb', { password_policy: 'short' });
    await write('rotate-root/yugabytedb', {});
    assert.ok('refusal' in (await tryLogin(database, 'policy_root', 'chosen')));
    await write('config/yugabytedb', { password_policy: 'digits' });
  });

  it('that do not exist are refused by name, and leave nothing behind', async () => {
    const missing = /password policy "absent" does not exist/;
    const config = { credential_config: { password_policy: 'absent' } };
    await assert.rejects(write('roles/my-first-role', config), missing);
    await assert.rejects(write('static-roles/app', config), missing);
    await assert.rejects(write('config/yugabytedb', { password_policy: 'absent' }), missing);
    await assert.rejects(write('roles/my-first-role', { credential_config: { key_bits: 2048 } }), /"key_bits"/);
    await server.client.write('sys/policies/password/gone', { policy: policyOf(20, 'abc') });
    await write('roles/my-first-role', { credential_config: { password_policy: 'gone' } });
    const before = (await server.client.list('sys/leases/lookup/database/creds/my-first-role'))?.data?.['keys'];
    await server.client.request('DELETE', 'sys/policies/password/gone');
    await assert.rejects(issue(server.client), /password policy "gone" does not exist/);
    const leases = (await server.client.list('sys/leases/lookup/database/creds/my-first-role'))?.data?.['keys'];
    assert.deepEqual(leases, before);
    const good = (await read('database/static-creds/app'))['password'];
    assert.match(good as string, /^[a-f]{25}$/);
  });
});
