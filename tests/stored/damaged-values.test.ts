/** Rows that are damaged: what is said of them, and that everything else goes on. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { type StoreFile, textOf } from './store-file.ts';
import { refusal, StoredHome, type StoredServer, TOKEN_MOUNT } from './stored-server.ts';

const VERSION = '0.1.0';
/** In place of a value: no answer and no line of the log may have it. */
const SECRET = 's3cret';

function damageAll(file: StoreFile): void {
  const token = { policies: [] };
  file.change('/config/making', { connectionDetails: SECRET });
  file.change('/roles/app-plain', { defaultTtl: SECRET });
  file.change('/static-roles/kept', { username: undefined });
  file.change('/static/periodic', { lastRotation: SECRET });
  file.change('/static/open', { pending: [SECRET] });
  file.run("UPDATE intents SET state = 's3cret' WHERE subject = 'static/failing'");
  file.change('/users/bare', { token });
  file.change('/role/bare', { hmacKey: [SECRET] });
  file.change('/role-id/role-of-our-own', { name: [SECRET] });
  const fullId = file.rows().find(({ columns }) => textOf(columns, 'name').startsWith('secret-id/full/'));
  file.change(fullId?.place ?? assert.fail(), { expireTime: SECRET });
  const bareId = file.rows().find(({ columns }) => textOf(columns, 'name').startsWith('accessor/bare/'));
  file.change(bareId?.place ?? assert.fail(), { hash: [SECRET] });
  const deploy = file.row('/roles/deploy');
  file.copyTo(TOKEN_MOUNT, { ...deploy, value: { ...deploy.value, renewable: SECRET } });
  file.change('policies/app', { text: [SECRET] });
  file.change('core/password-policies/short', { policy: { is: SECRET } });
  file.change('core/plugin-catalog/database/bare-plugin/', { type: SECRET });
  file.change('core/keys/rotation', { interval: SECRET });
  for (const [wrapped, damage] of [
    ['database/creds/app-plain', { response: { lease: { id: [SECRET] } } }],
    ['sys/policies/acl/app', { ttl: SECRET }],
  ] as const) {
    const found = file.rows().find(({ table, value }) => table === 'entries' && value['path'] === wrapped);
    file.change(found?.place ?? assert.fail(wrapped), damage);
  }
}

describe('a row that is damaged', () => {
  let home: StoredHome;
  let server: StoredServer;
  const read = (path: string, token?: string): Promise<unknown> =>
    (token === undefined ? server.client : server.client.with({ token })).read(path);
  const write = (path: string, body: JsonObject = {}, token?: string): Promise<unknown> =>
    (token === undefined ? server.client : server.client.with({ token })).write(path, body);
  /** The lease ids of the fixture. */
  const lease = (name: 'plain' | 'full' | 'renewed'): string => textOf(home.fixture.leases[name], 'leaseId');

  before(async () => {
    home = await StoredHome.make(VERSION);
    home.change((file) => {
      damageAll(file);
      file.change(lease('plain'), { renewable: SECRET });
      const { data } = file.row(lease('full')).value;
      file.change(lease('full'), { data: { ...(data as JsonObject), username: undefined } });
      // Both are due, the one that cannot be read first.
      file.run(`UPDATE leases SET next_attempt = 1 WHERE id = '${lease('plain')}'`);
      file.run(`UPDATE leases SET next_attempt = 2 WHERE id = '${lease('renewed')}'`);
      const child = file.rows().find(({ value }) => value['displayName'] === 'token-child') ?? assert.fail();
      file.write(child, { ...child.value, meta: { team: 1, x: SECRET } });
    });
    server = await home.start();
  });
  after(async () => {
    const log = server.log();
    await home.remove();
    assert.ok(!log.includes(SECRET), 'the log shows a value');
  });

  const CASES: readonly [what: string, said: RegExp, ask: () => Promise<unknown>][] = [
    [
      'a connection',
      /entries\/\S+\/config\/making .*"connectionDetails" is not an object/,
      () => read('database/config/making'),
    ],
    [
      'a role',
      /entries\/\S+\/roles\/app-plain .*"defaultTtl" is not a whole number/,
      () => read('database/roles/app-plain'),
    ],
    [
      'a role that is used',
      /roles\/app-plain .*"defaultTtl" is not a whole number/,
      () => read('database/creds/app-plain'),
    ],
    [
      'a static role',
      /entries\/\S+\/static-roles\/kept .*"username" is missing/,
      () => read('database/static-roles/kept'),
    ],
    [
      'the credential of a static role',
      /intents\/\S+\/static\/periodic .*"lastRotation" is not a whole number/,
      () => read('database/static-creds/periodic'),
    ],
    [
      'the state of an intent',
      /intents\/\S+\/static\/failing .*"state" is not one of open, settled/,
      () => read('database/static-creds/failing'),
    ],
    [
      'an intent that is claimed',
      /intents\/\S+\/static\/failing .*"state" is not one of open, settled/,
      () => write('database/rotate-role/failing'),
    ],
    ['a user', /entries\/\S+\/users\/bare .*"token.ttl" is missing/, () => read('auth/people/users/bare')],
    [
      'a user who logs in',
      /entries\/\S+\/users\/bare .*"token.ttl" is missing/,
      () => write('auth/people/login/bare', { password: 'battery staple' }),
    ],
    ['a role of approle', /entries\/\S+\/role\/bare .*"hmacKey" is not a string/, () => read('auth/approle/role/bare')],
    [
      'a role id',
      /entries\/\S+\/role-id\/role-of-our-own .*"name" is not a string/,
      () => write('auth/approle/login', { role_id: 'role-of-our-own', secret_id: 'x' }),
    ],
    [
      'a secret id',
      /entries\/\S+\/secret-id\/full\/\S+ .*"expireTime" is not a whole number/,
      () =>
        write('auth/approle/role/full/secret-id-accessor/lookup', {
          secret_id_accessor: home.fixture.approle['full']?.accessor ?? '',
        }),
    ],
    [
      'the accessor of a secret id',
      /entries\/\S+\/accessor\/bare\/\S+ .*"hash" is not a string/,
      () => write('auth/approle/tidy/secret-id'),
    ],
    [
      'a token role',
      /entries\/\S+\/roles\/deploy .*"renewable" is not true or false/,
      () => read('auth/token/roles/deploy'),
    ],
    [
      'a token role that is used',
      /entries\/\S+\/roles\/deploy .*"renewable" is not true or false/,
      () => write('auth/token/create/deploy'),
    ],
    ['a policy', /policies\/app .*"text" is not a string/, () => read('sys/policies/acl/app')],
    [
      'a policy that a token has',
      /policies\/app .*"text" is not a string/,
      () => read('sys/mounts', home.fixture.tokens['orphan']),
    ],
    [
      'a password policy',
      /entries\/core\/password-policies\/short .*"policy" is not a string/,
      () => read('sys/policies/password/short'),
    ],
    [
      'a plugin',
      /entries\/core\/plugin-catalog\/database\/bare-plugin\/ .*"type" is not one of auth, database, secret/,
      () => read('sys/plugins/catalog/database/bare-plugin'),
    ],
    [
      'the rotation of keys',
      /entries\/core\/keys\/rotation .*"interval" is not a whole number/,
      () => read('sys/rotate/config'),
    ],
    [
      'a wrapped answer',
      /entries\/core\/wrapping\/\S+ .*"response.lease.id" is not a string/,
      () => write('sys/wrapping/unwrap', {}, home.fixture.wrapped.credential),
    ],
    [
      'a wrapped answer that is moved',
      /entries\/core\/wrapping\/\S+ .*"ttl" is not a whole number/,
      () => write('sys/wrapping/rewrap', { token: home.fixture.wrapped.data }),
    ],
    [
      'a token',
      /tokens\/\S+ .*"meta" is not an object of strings/,
      () => read('sys/mounts', home.fixture.tokens['child']),
    ],
    [
      'a lease',
      /leases\/database\/creds\/app-plain\/\S+ .*"renewable" is not true or false/,
      () => write('sys/leases/lookup', { lease_id: lease('plain') }),
    ],
    [
      'what a lease stands for',
      /leases\/database\/creds\/app-full\/\S+ .*"data.username" is missing/,
      () => write('sys/leases/revoke', { lease_id: lease('full'), sync: true }),
    ],
  ];
  for (const [what, said, ask] of CASES) {
    it(`is named with its field, and without the value: ${what}`, async () => {
      const text = await refusal(ask());
      assert.match(text, said);
      assert.match(text, /is damaged/);
      assert.ok(!text.includes(SECRET), text);
    });
  }

  it('leaves the others as they were', async () => {
    const { client } = server;
    const { fixture } = home;
    for (const path of ['database/config/rotating', 'database/roles/app-full', 'auth/people/users/ana', 'sys/mounts']) {
      assert.ok((await client.read(path)) !== undefined, path);
    }
    assert.deepEqual((await client.list('database/roles'))?.data?.['keys'], ['app-full', 'app-plain', 'broken']);
    const { value } = fixture.rows.find(({ place }) => place.endsWith('/static/scheduled')) ?? assert.fail();
    assert.equal((await client.read('database/static-creds/scheduled'))?.data?.['password'], value['password']);
    assert.ok(await client.write('auth/people/login/ana', { password: 'correct horse' }));
    assert.ok(await client.with({ token: fixture.wrapped.token }).write('sys/wrapping/unwrap'));
  });

  it('keeps no other lease from being revoked, and is tried again', async () => {
    const attempts = async (id: string): Promise<number> => {
      const { data } = (await server.client.write('sys/leases/lookup', { lease_id: id })) ?? {};
      return Number(data?.['revocation_attempts'] ?? 0);
    };
    // There is no database here: that it was tried is all there is to see.
    await eventually(
      async () => (await attempts(lease('renewed'))) > 0,
      () => `the other lease was not tried:\n${server.log()}`,
    );
    await eventually(
      async () => server.log().includes(`lease_id=${lease('plain')} attempt=2`),
      () => `the damaged lease was not tried again:\n${server.log()}`,
    );
  });

  it('keeps no other rotation from being tried', async () => {
    await eventually(
      async () => server.log().includes('connection=rooting attempt=2'),
      () => `the other rotation was not tried again:\n${server.log()}`,
    );
    assert.match(server.log(), /static\/failing is damaged: its field \\"state\\" is not one of open, settled/);
    assert.match(server.log(), /static\/open is damaged: its field \\"pending\\" is not a string/);
  });

  it('goes with what it belongs to', async () => {
    await server.client.delete('sys/auth/people');
    await server.client.delete('database/roles/app-plain');
    await server.client.request('PUT', 'sys/leases/revoke-force/database/creds/app-plain');
    assert.deepEqual((await server.client.list('database/roles'))?.data?.['keys'], ['app-full', 'broken']);
    assert.equal(await server.client.list('sys/leases/lookup/database/creds/app-plain'), undefined);
  });
});
