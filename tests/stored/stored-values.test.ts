/** What an earlier version has stored, read by this one: every kind of value, with the file as the earlier version left it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { formatTime, isJsonObject, type JsonObject } from '@coffer/base';
import { shownCidrs } from '@coffer/framework';
import { answerOf, type Fixture } from './fixture.ts';
import { IDENTITY_KINDS, KINDS, kindOf } from './kinds.ts';
import { makeIdentities } from './make-settings.ts';
import { StoredHome, type StoredServer, TOKEN_MOUNT, VERSIONS } from './stored-server.ts';
import { type StoredRow, textOf } from './store-file.ts';

for (const version of VERSIONS) {
  describe(`what ${version} has stored`, () => {
    let home: StoredHome;
    let server: StoredServer;
    let fixture: Fixture;
    before(async () => {
      home = await StoredHome.make(version);
      fixture = home.fixture;
      if (version === '0.1.0') {
        home.change((file) => file.copyTo(TOKEN_MOUNT, file.row('/roles/deploy')));
      }
      server = await home.start();
    });
    after(() => home.remove());

    const rows = (table: string): readonly StoredRow[] => fixture.rows.filter((row) => row.table === table);
    const write = async (path: string, body: JsonObject = {}): Promise<JsonObject> =>
      (await server.client.write(path, body))?.data ?? {};

    it('is every kind of value that there is', () => {
      const typeOf = new Map(rows('mounts').map(({ value }) => [textOf(value, 'uuid'), textOf(value, 'type')]));
      const kinds = version === '0.1.0' ? KINDS : [...KINDS, ...IDENTITY_KINDS].sort();
      assert.deepEqual([...new Set(fixture.rows.map((row) => kindOf(row, typeOf)))].sort(), kinds);
    });

    it('is shown as it was', async () => {
      for (const [path, answer] of Object.entries(fixture.answers)) {
        assert.partialDeepStrictEqual(
          (await answerOf(server.client, path)) ?? {},
          shownNow(lasting(answer) ?? {}),
          path,
        );
      }
    });

    it('opens values of each term of the keyring, and says whose store it is', async () => {
      assert.equal((await server.client.read('sys/key-status'))?.data?.['term'], 2);
      const health = (await server.client.request('GET', 'sys/health')).body as JsonObject;
      const identity = fixture.rows.find(({ place }) => place === 'entries/core/cluster/identity')?.value ?? {};
      assert.equal(health['cluster_name'], 'kept-cluster');
      assert.deepEqual([health['cluster_name'], health['cluster_id']], [identity['name'], identity['id']]);
    });

    it('lets every token in, with everything that is known of it', async () => {
      for (const [name, token] of Object.entries(fixture.tokens)) {
        const shown = await write('auth/token/lookup', { token });
        const { value, columns } =
          rows('tokens').find((row) => row.columns['accessor'] === shown['accessor']) ?? assert.fail(name);
        assert.partialDeepStrictEqual(
          shown,
          {
            policies: value['policies'],
            path: value['path'],
            meta: value['meta'],
            display_name: value['displayName'],
            creation_time: Math.floor(Number(value['creationTime']) / 1000),
            creation_ttl: value['creationTtl'],
            explicit_max_ttl: value['explicitMaxTtl'],
            num_uses: columns['uses_left'],
            orphan: columns['parent'] === '',
            renewable: value['renewable'],
            type: 'service',
            expire_time: formatTime(Number(columns['expire_time'])),
            ...(value['period'] !== 0 && { period: value['period'] }),
            ...(value['role'] !== undefined && { role: value['role'] }),
            ...(value['boundCidrs'] !== undefined && { bound_cidrs: shownCidrs(value['boundCidrs'] as string[]) }),
            ...(value['lastRenewal'] !== null && { last_renewal: formatTime(Number(value['lastRenewal'])) }),
          },
          name,
        );
        const self = await server.client.with({ token }).request('GET', 'sys/mounts');
        assert.equal(self.status, 200, name);
      }
      assert.deepEqual(
        (await server.client.list('auth/token/accessors'))?.data?.['keys'],
        rows('tokens')
          .map(({ columns }) => columns['accessor'])
          .sort(),
      );
    });

    it('keeps token roles, which a mount of the core itself has', async () => {
      await write('auth/token/roles/new', { allowed_policies: ['app'] });
      const { uuid } = (await server.client.read('sys/auth'))?.data?.['token/'] as JsonObject;
      assert.equal(uuid, TOKEN_MOUNT);
      await server.close();
      server = await home.start();
      assert.deepEqual((await server.client.read('auth/token/roles/new'))?.data?.['allowed_policies'], ['app']);
    });

    it('lets users and roles log in', async () => {
      for (const [user, password] of Object.entries(fixture.userpass)) {
        const login = await server.client.write(`auth/people/login/${user}`, { password });
        assert.deepEqual(login?.auth?.metadata, { username: user });
        assert.deepEqual(login.auth.policies, user === 'ana' ? ['app', 'ops'] : ['default']);
        assert.equal(login.auth.leaseDuration, user === 'ana' ? 500_000 * 3600 : 7200);
      }
      for (const [role, { roleId, secretId, accessor }] of Object.entries(fixture.approle)) {
        const login = await server.client.write('auth/approle/login', { role_id: roleId, secret_id: secretId });
        const given: JsonObject = role === 'full' ? { team: 'blue', constructor: 'kept' } : {};
        assert.deepEqual(login?.auth?.metadata, { ...given, role_name: role });
        const shown = await write(`auth/approle/role/${role}/secret-id-accessor/lookup`, {
          secret_id_accessor: accessor,
        });
        const { value } = rows('entries').find((row) => row.value['accessor'] === accessor) ?? assert.fail(role);
        assert.partialDeepStrictEqual(shown, {
          cidr_list: value['boundCidrs'],
          creation_time: formatTime(Number(value['creationTime'])),
          metadata: value['metadata'],
          // The login above took one.
          secret_id_num_uses: role === 'full' ? Number(value['usesLeft']) - 1 : 0,
          secret_id_ttl: value['ttl'],
          token_bound_cidrs: value['tokenBoundCidrs'],
        });
      }
    });

    const leaseOf = ({ columns, value }: StoredRow): string => `${textOf(value, 'path')}/h${textOf(columns, 'id')}`;
    const isRoot = ({ value }: StoredRow): boolean => textOf(value, 'path') === 'auth/token/root';

    it('has a lease for every token but the first root token', async () => {
      const tokens = rows('tokens');
      assert.ok(tokens.some(isRoot) && !tokens.every(isRoot));
      for (const row of tokens) {
        const lookup = write('sys/leases/lookup', { lease_id: leaseOf(row) });
        if (isRoot(row)) {
          await assert.rejects(lookup, /invalid lease/);
          continue;
        }
        const expireTime = row.columns['expire_time'];
        assert.partialDeepStrictEqual(await lookup, {
          id: leaseOf(row),
          path: row.value['path'],
          issue_time: formatTime(Number(row.value['creationTime'])),
          expire_time: expireTime === null ? null : formatTime(Number(expireTime)),
        });
      }
    });

    it('gives each wrapped answer out once', async () => {
      const answers = rows('entries').filter(({ columns }) => columns['mount'] === 'core/wrapping');
      const responseOf = (path: string): JsonObject =>
        (answers.find(({ value }) => value['path'] === path)?.value['response'] ?? {}) as JsonObject;
      const { data, credential, token } = fixture.wrapped;
      const unwrap = (wrapping: string) => server.client.with({ token: wrapping }).write('sys/wrapping/unwrap');
      const shown = await write('sys/wrapping/lookup', { token: data });
      assert.deepEqual([shown['creation_path'], shown['creation_ttl']], ['sys/policies/acl/app', 876_000 * 3600]);
      assert.deepEqual((await unwrap(data))?.data, responseOf('sys/policies/acl/app')['data']);
      const issued = responseOf('database/creds/app-plain');
      const credentials = await unwrap(credential);
      assert.deepEqual(credentials?.data, issued['data']);
      assert.equal(credentials?.leaseId, (issued['lease'] as JsonObject)['id']);
      const auth = responseOf('auth/token/create')['auth'] as JsonObject;
      assert.equal((await unwrap(token))?.auth?.clientToken, auth['client_token']);
      await assert.rejects(unwrap(token), /wrapping token is not valid/);
    });

    it('is every lease with its times', async () => {
      for (const { columns, value } of rows('leases')) {
        if (columns['state'] === 'creating') continue;
        const shown = await write('sys/leases/lookup', { lease_id: String(columns['id']) });
        assert.partialDeepStrictEqual(shown, {
          id: columns['id'],
          path: value['path'],
          issue_time: formatTime(Number(columns['issue_time'])),
          expire_time: formatTime(Number(columns['expire_time'])),
          last_renewal: columns['last_renewal'] === null ? null : formatTime(Number(columns['last_renewal'])),
          renewable: columns['state'] === 'active',
        });
        assert.equal(shown['revocation_error'] !== undefined, columns['last_error'] !== null);
      }
    });
  });

  it(`takes identities, of every kind, where ${version} knew none, and keeps them`, {
    skip: version !== '0.1.0',
  }, async () => {
    const home = await StoredHome.make(version);
    try {
      let server = await home.start();
      const paths = await makeIdentities(server.client);
      const shown = () => Promise.all(paths.map((path) => answerOf(server.client, path)));
      const before = await shown();
      assert.ok(before.every((answer) => answer !== null));
      await server.close();
      home.change((file) => {
        const kinds = new Set(file.rows().map((row) => kindOf(row, new Map())));
        assert.deepEqual([...kinds].filter((kind) => /^identity_|of an entity/.test(kind)).sort(), IDENTITY_KINDS);
      });
      server = await home.start();
      assert.deepEqual(await shown(), before);
    } finally {
      await home.remove();
    }
  });

  it(`revokes the tokens that ${version} has issued by their leases`, async () => {
    const home = await StoredHome.make(version);
    try {
      const { client } = await home.start();
      await client.write('sys/leases/revoke-prefix/auth');
      const { data } = (await client.list('auth/token/accessors')) ?? {};
      const kept = home.fixture.rows.filter(
        ({ table, value }) => table === 'tokens' && !textOf(value, 'path').startsWith('auth/'),
      );
      const root = home.fixture.rows.find(({ value }) => textOf(value, 'path') === 'auth/token/root');
      const accessors = [...kept, ...(root ? [root] : [])].map(({ columns }) => textOf(columns, 'accessor'));
      assert.deepEqual(data?.['keys'], accessors.sort());
    } finally {
      await home.remove();
    }
  });

  it(`what ${version} has stored opens by a static key, and knows the recovery key`, async () => {
    const home = await StoredHome.make(version, `${version}-static`);
    try {
      const { key, rootToken, recoveryKey } = home.fixture.staticSeal;
      const seal = 'seal "static" { current_key_id = "first", current_key = "env://SEAL_KEY" }';
      const { client } = await home.start({ seal, env: { SEAL_KEY: key }, rootToken });
      const ask = async (path: string, body?: JsonObject): Promise<JsonObject> =>
        (await client.request(body === undefined ? 'GET' : 'PUT', path, { body })).body as JsonObject;
      const status = await ask('sys/seal-status');
      assert.partialDeepStrictEqual(status, { type: 'static', sealed: false, recovery_seal: true, n: 1, t: 1 });
      const { nonce = '' } = await ask('sys/rekey-recovery-key/init', { secret_shares: 1, secret_threshold: 1 });
      const done = await ask('sys/rekey-recovery-key/update', { key: recoveryKey, nonce });
      assert.equal(done['complete'], true);
    } finally {
      await home.remove();
    }
  });
}

/** Without the mounts of the core itself, which are made at each start, and versions of what runs. */
function lasting(answer: JsonObject | null): JsonObject | null {
  if (answer === null) return null;
  return Object.fromEntries(
    Object.entries(answer)
      .filter(([name]) => !['sys/', 'token/', 'running_plugin_version', 'running_sha256'].includes(name))
      .map(([name, value]) => [name, isJsonObject(value) ? lasting(value) : value]),
  );
}

/** Earlier versions showed a single address with its length. */
function shownNow(answer: JsonObject): JsonObject {
  const cidrs = answer['token_bound_cidrs'];
  return Array.isArray(cidrs) ? { ...answer, token_bound_cidrs: shownCidrs(cidrs as string[]) } : answer;
}
