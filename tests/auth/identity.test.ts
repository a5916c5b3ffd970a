/** Entities, aliases, groups and the policies that they bring, over HTTP. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Api, textOf } from './api.ts';
import { type IdentityServer, type LoggedIn, startIdentityServer } from './identity-server.ts';

let server: IdentityServer;
let api: Api;
let accessor: string;
before(async () => {
  server = await startIdentityServer();
  ({ api, accessor } = server);
});
after(() => server.close());

describe('a login', () => {
  it('makes an entity with an alias once, and finds it from then on, whatever the case', async () => {
    await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
    await api.ok('PUT', 'auth/userpass/users/ana', { password: 'p' });
    const enter = async (name: string) =>
      (await api.ok('PUT', `auth/userpass/login/${name}`, { password: 'p' }, { token: '' })).auth;
    const first = await enter('ana');
    const entity = textOf(first['entity_id']);
    assert.equal((await enter('ANA'))['entity_id'], entity);
    const { data } = await api.ok('GET', `identity/entity/id/${entity}`);
    const [alias, ...more] = data['aliases'] as JsonObject[];
    assert.deepEqual(more, []);
    assert.deepEqual(
      [
        alias?.['name'],
        alias?.['mount_accessor'],
        alias?.['mount_path'],
        alias?.['mount_type'],
        alias?.['canonical_id'],
      ],
      ['ana', await server.accessorOf('userpass'), 'auth/userpass/', 'userpass', entity],
    );
    assert.match(textOf(data['name']), /^entity_[0-9a-f]{8}$/);
    assert.deepEqual(
      ['disabled', 'policies', 'group_ids', 'merged_entity_ids', 'metadata', 'namespace_id'].map((key) => data[key]),
      [false, [], [], null, null, 'root'],
    );
    assert.equal((await api.lookup(textOf(first['client_token'])))['entity_id'], entity);
  });

  it('makes one entity when very many come first at once', async () => {
    await server.user('crowd');
    const all = await Promise.all(Array.from({ length: 16 }, () => server.login('crowd')));
    assert.equal(new Set(all.map(({ entity }) => entity)).size, 1);
    const { data } = await api.ok('POST', 'identity/lookup/entity', {
      alias_name: 'crowd',
      alias_mount_accessor: accessor,
    });
    assert.equal((data['aliases'] as JsonObject[]).length, 1);
    for (const { token } of all) assert.ok(await api.alive(token));
  });

  it('of AppRole is known by the role id, with the metadata of the secret id', async () => {
    await api.ok('POST', 'auth/approle/role/web', {});
    const roleId = textOf((await api.ok('GET', 'auth/approle/role/web/role-id')).data['role_id']);
    const enter = async (metadata: JsonObject) => {
      const secret = await api.ok('POST', 'auth/approle/role/web/secret-id', { metadata: JSON.stringify(metadata) });
      const body = { role_id: roleId, secret_id: secret.data['secret_id'] ?? null };
      const { auth } = await api.ok('POST', 'auth/approle/login', body, { token: '' });
      const { data } = await api.ok('GET', `identity/entity/id/${textOf(auth['entity_id'])}`);
      const [alias] = data['aliases'] as JsonObject[];
      assert.equal(alias?.['name'], roleId);
      return [auth['entity_id'], alias['metadata']] as const;
    };
    const [first, before] = await enter({ host: 'a' });
    assert.deepEqual(before, { host: 'a', role_name: 'web' });
    // What could be no metadata of an alias keeps nobody out.
    const [second, now] = await enter({ host: 'b', 'not a key': 'x' });
    assert.deepEqual([second, now], [first, { host: 'b', role_name: 'web' }]);
  });
});

describe('the policies of an entity and its groups', () => {
  let ana: LoggedIn;
  before(async () => {
    await server.user('pia');
    ana = await server.login('pia');
  });

  it('count at once, and no longer than they are there', async () => {
    assert.equal(await server.allowed(ana.token, 'app'), false);
    await api.ok('POST', `identity/entity/id/${ana.entity}`, { policies: 'APP' });
    assert.equal(await server.allowed(ana.token, 'app'), true);
    const shown = await api.lookup(ana.token);
    assert.deepEqual([shown['policies'], shown['identity_policies']], [['default'], ['app']]);
    const { auth } = await server.login('pia');
    assert.deepEqual(
      [auth['policies'], auth['token_policies'], auth['identity_policies']],
      [['app', 'default'], ['default'], ['app']],
    );
    const self = await api.ok('POST', 'sys/capabilities-self', { paths: ['app', 'ops'] }, { token: ana.token });
    assert.deepEqual([self.data['app'], self.data['ops']], [['read'], ['deny']]);
    await api.ok('POST', `identity/entity/id/${ana.entity}`, { policies: [] });
    assert.equal(await server.allowed(ana.token, 'app'), false);
    assert.equal((await server.login('pia')).auth['identity_policies'], undefined);
  });

  it('come from groups, and from groups of groups, until a member leaves', async () => {
    const inner = await api.ok('POST', 'identity/group', { name: 'inner', member_entity_ids: ana.entity });
    const outer = await api.ok('POST', 'identity/group', {
      ...{ name: 'Outer', policies: 'ops', member_group_ids: [textOf(inner.data['id'])] },
    });
    assert.equal(await server.allowed(ana.token, 'ops'), true);
    const { data } = await api.ok('GET', `identity/entity/id/${ana.entity}`);
    assert.deepEqual([data['direct_group_ids'], data['inherited_group_ids']], [[inner.data['id']], [outer.data['id']]]);
    const group = (await api.ok('GET', 'identity/group/name/OUTER')).data;
    assert.deepEqual(
      [group['name'], group['type'], group['member_group_ids']],
      ['Outer', 'internal', [inner.data['id']]],
    );
    await api.refused(
      [400, /^cyclic relationship detected for member group ID/],
      ...([
        'POST',
        `identity/group/id/${textOf(inner.data['id'])}`,
        { member_group_ids: textOf(outer.data['id']) },
      ] as const),
    );
    await api.ok('POST', 'identity/group/name/inner', { member_entity_ids: [] });
    assert.equal(await server.allowed(ana.token, 'ops'), false);
    await api.ok('POST', 'identity/group/name/inner', { member_entity_ids: ana.entity });
    assert.equal(await server.allowed(ana.token, 'ops'), true);
    await api.ok('DELETE', 'identity/group/name/outer');
    assert.equal(await server.allowed(ana.token, 'ops'), false);
    await api.ok('DELETE', 'identity/group/name/inner');
  });

  it('are never root, nor what only the server gives', async () => {
    for (const [path, body] of [
      [`identity/entity/id/${ana.entity}`, { policies: 'ROOT' }],
      ['identity/group', { policies: ['app', 'root'] }],
    ] as const) {
      await api.refused([400, 'policies cannot contain root'], 'POST', path, body);
    }
    await api.refused([400, /cannot assign policy/], 'POST', 'identity/entity', { policies: 'response-wrapping' });
  });

  it('are handed on to children, but not to orphans', async () => {
    await server.policy('maker', 'path "auth/token/create*" { capabilities = ["update", "sudo"] }');
    await api.ok('POST', `identity/entity/id/${ana.entity}`, { policies: 'app,maker' });
    const make = async (path: string) =>
      (await api.ok('POST', path, { policies: ['default'] }, { token: ana.token })).auth;
    const child = await make('auth/token/create');
    assert.deepEqual([child['entity_id'], child['identity_policies']], [ana.entity, ['app', 'maker']]);
    assert.equal(await server.allowed(textOf(child['client_token']), 'app'), true);
    const orphan = await make('auth/token/create-orphan');
    assert.deepEqual([orphan['entity_id'], orphan['identity_policies']], ['', undefined]);
    assert.equal(await server.allowed(textOf(orphan['client_token']), 'app'), false);
    await api.ok('POST', `identity/entity/id/${ana.entity}`, { policies: [] });
  });
});

describe('an entity', () => {
  it('that is disabled or deleted takes its tokens and logins with it', async () => {
    await server.user('gone');
    const { token, entity } = await server.login('gone');
    const denied = [403, 'permission denied'] as const;
    await api.ok('POST', `identity/entity/id/${entity}`, { disabled: true });
    await api.refused(denied, 'GET', 'auth/token/lookup-self', undefined, { token });
    await api.refused(denied, 'GET', 'auth/token/lookup-self?help=1', undefined, { token });
    await api.refused(denied, 'PUT', 'auth/approle/login', { role_id: 'gone' }, { token: '' });
    const asked = await api.ok('POST', 'sys/capabilities', { token, path: 'auth/token/lookup-self' });
    assert.deepEqual(asked.data['capabilities'], ['deny']);
    await api.refused(denied, 'GET', 'sys/internal/ui/mounts', undefined, { token });
    await api.ok('POST', `identity/entity/id/${entity}`, { disabled: false });
    assert.ok(await api.alive(token));
    await api.ok('DELETE', `identity/entity/id/${entity}`);
    await api.refused(denied, 'GET', 'auth/token/lookup-self', undefined, { token });
    const next = await server.login('gone');
    assert.notEqual(next.entity, entity);
    assert.equal(await api.alive(token), false);
  });

  it('is made, found, renamed and listed as in Vault', async () => {
    const made = await api.ok('POST', 'identity/entity', {
      name: 'Bob',
      metadata: { team: 'a', size: 3 },
      policies: 'b,a',
    });
    const id = textOf(made.data['id']);
    assert.deepEqual(made.data, { aliases: null, id, name: 'Bob' });
    assert.equal((await api.ok('POST', 'identity/entity', { name: 'BOB', metadata: ['team=b'] })).status, 204);
    const { data } = await api.ok('GET', 'identity/entity/name/bob');
    assert.deepEqual(
      [data['id'], data['name'], data['metadata'], data['policies']],
      [id, 'BOB', { team: 'b' }, ['a', 'b']],
    );
    const other = await api.ok('POST', 'identity/entity/name/with/slash', {});
    await api.refused([400, 'entity name is already in use'], 'POST', 'identity/entity', {
      ...{ id: textOf(other.data['id']), name: 'bob' },
    });
    await api.refused([400, 'entity not found from id'], 'POST', 'identity/entity', { id: 'nobody' });
    await api.refused([500, /key contains invalid characters/], 'POST', 'identity/entity', {
      metadata: { 'a b': 'c' },
    });
    const names = (await api.ok('GET', 'identity/entity/name?list=true')).data;
    assert.ok((names['keys'] as string[]).includes('with/slash'));
    assert.deepEqual((names['key_info'] as JsonObject)[id], { name: 'BOB' });
    await api.ok('POST', 'identity/entity/batch-delete', { entity_ids: [id, textOf(other.data['id'])] });
    assert.equal((await api('GET', 'identity/entity/name/bob')).status, 404);
    await api.refused([400, /cannot be merged/], 'POST', 'identity/entity/merge', { to_entity_id: id });
  });

  it('has one alias at a mount, which can be moved', async () => {
    await server.user('mover');
    const { entity } = await server.login('mover');
    const target = textOf((await api.ok('POST', 'identity/entity', { name: 'target' })).data['id']);
    const { data } = await api.ok('POST', 'identity/entity-alias', {
      ...{ name: 'Mover', mount_accessor: accessor, canonical_id: target, custom_metadata: { a: 'b' } },
    });
    assert.equal(data['canonical_id'], target);
    assert.equal((await server.login('mover')).entity, target);
    await api.refused(
      [400, 'Alias already exists for requested entity and mount accessor'],
      'POST',
      'identity/entity-alias',
      {
        ...{ name: 'second', mount_accessor: accessor, canonical_id: target },
      },
    );
    await api.refused([400, 'invalid mount accessor "auth_x_1"'], 'POST', 'identity/entity-alias', {
      ...{ name: 'x', mount_accessor: 'auth_x_1' },
    });
    await api.refused([400, 'invalid canonical ID'], 'POST', 'identity/entity-alias', {
      ...{ name: 'x', mount_accessor: accessor, canonical_id: 'nobody' },
    });
    const alias = (await api.ok('GET', `identity/entity-alias/id/${textOf(data['id'])}`)).data;
    assert.deepEqual([alias['custom_metadata'], alias['canonical_id']], [{ a: 'b' }, target]);
    await api.ok('DELETE', `identity/entity-alias/id/${textOf(data['id'])}`);
    const again = await server.login('mover');
    assert.ok(![entity, target].includes(again.entity));
  });

  it('loses its aliases with the mount, and keeps the rest', async () => {
    await api.ok('POST', 'sys/auth/passing', { type: 'userpass' });
    const passing = await server.accessorOf('passing');
    const made = await api.ok('POST', 'identity/entity-alias', { name: 'x', mount_accessor: passing });
    const group = await api.ok('POST', 'identity/group', { type: 'external', name: 'passing' });
    await api.ok('POST', 'identity/group-alias', {
      ...{ name: 'g', mount_accessor: passing, canonical_id: group.data['id'] ?? null },
    });
    await api.ok('DELETE', 'sys/auth/passing');
    const { data } = await api.ok('GET', `identity/entity/id/${textOf(made.data['canonical_id'])}`);
    assert.deepEqual(data['aliases'], []);
    assert.deepEqual((await api.ok('GET', 'identity/group/name/passing')).data['alias'], {});
    const gone = await api('POST', 'identity/lookup/entity', { alias_name: 'x', alias_mount_accessor: passing });
    assert.equal(gone.status, 204);
  });
});

describe('a token role with allowed_entity_aliases', () => {
  it('makes tokens for the entities of these aliases', async () => {
    await api.ok('POST', 'auth/token/roles/for', { allowed_entity_aliases: 'Svc-*,exact', allowed_policies: 'app' });
    const make = (alias: string, role = '/for') => api('POST', `auth/token/create${role}`, { entity_alias: alias });
    const { auth } = await make('svc-One');
    assert.notEqual(auth['entity_id'], '');
    assert.equal((await make('SVC-one')).auth['entity_id'], auth['entity_id']);
    assert.notEqual((await make('exact')).auth['entity_id'], auth['entity_id']);
    for (const alias of ['exactly', 'other', 'svc']) {
      const { status, error } = await make(alias);
      assert.deepEqual([status, error], [400, "invalid 'entity_alias' value"]);
    }
    assert.equal((await make('svc-one', '')).error, "'entity_alias' is only allowed in combination with token role");
  });
});

describe('lookups', () => {
  it('take one question at a time', async () => {
    for (const kind of ['entity', 'group']) {
      const ask = (body: JsonObject) => api('POST', `identity/lookup/${kind}`, body);
      assert.equal((await ask({})).error, 'query parameter not supplied');
      assert.match((await ask({ id: 'a', name: 'b' })).error, /^query parameter conflict/);
      assert.match((await ask({ alias_name: 'b' })).error, /^both 'alias_name' and/);
      assert.equal((await ask({ id: 'nobody' })).status, 204);
    }
    await server.user('asked');
    const { entity } = await server.login('asked');
    const found = await api.ok('POST', 'identity/lookup/entity', {
      alias_name: 'ASKED',
      alias_mount_accessor: accessor,
    });
    assert.equal(found.data['id'], entity);
  });
});
