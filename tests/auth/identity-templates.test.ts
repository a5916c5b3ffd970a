/** `{{identity…}}` in the paths of policies. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Api, textOf } from './api.ts';
import { type IdentityServer, type LoggedIn, reads, startIdentityServer } from './identity-server.ts';

let server: IdentityServer;
let api: Api;
let accessor: string;
before(async () => {
  server = await startIdentityServer();
  ({ api, accessor } = server);
});
after(() => server.close());

describe('templates in policies', () => {
  let ana: LoggedIn;
  before(async () => {
    await server.user('tess');
    ana = await server.login('tess');
    await api.ok('POST', `identity/entity/id/${ana.entity}`, {
      name: 'Tess',
      policies: 'templated',
      metadata: { team: 'blue' },
    });
  });
  beforeEach(() => server.policy('templated', reads('nothing')));

  const rule = async (path: string): Promise<void> => {
    await server.policy('templated', reads(path));
  };

  it('are filled in from the entity, its aliases and its groups', async () => {
    const group = textOf(
      (
        await api.ok('POST', 'identity/group', {
          name: 'Blues',
          member_entity_ids: ana.entity,
          metadata: { floor: '3' },
        })
      ).data['id'],
    );
    await api.ok('POST', 'identity/entity-alias', {
      ...{ name: 'tess', mount_accessor: accessor, custom_metadata: { seat: '7' } },
    });
    const now = Math.floor(Date.now() / 1000 / 1000);
    for (const [template, path] of [
      ['{{identity.entity.id}}', ana.entity],
      ['{{ identity.entity.name }}', 'Tess'],
      ['{{identity.entity.metadata.team}}', 'blue'],
      [`{{identity.entity.aliases.${accessor}.name}}`, 'tess'],
      [`{{identity.entity.aliases.${accessor}.custom_metadata.seat}}`, '7'],
      ['{{identity.groups.names.Blues.id}}', group],
      [`{{identity.groups.ids.${group}.name}}`, 'Blues'],
      [`{{identity.groups.ids.${group}.metadata.floor}}`, '3'],
      ['{{identity.entity.name}}-{{identity.entity.metadata.team}}', 'Tess-blue'],
    ] as const) {
      await rule(`kv/${template}/x`);
      assert.equal(await server.allowed(ana.token, `kv/${path}/x`), true, template);
      assert.equal(await server.allowed(ana.token, `kv/${path}y/x`), false, template);
    }
    await rule(`kv/{{time.now}}`);
    const answers = await Promise.all(
      [0, 1, 2].map((more) => server.allowed(ana.token, `kv/${Math.floor(Date.now() / 1000) + more}`)),
    );
    assert.ok(answers.includes(true), String(now));
  });

  it('that cannot be filled in allow nothing, and nothing else is lost', async () => {
    for (const template of [
      '{{identity.entity.metadata.none}}',
      '{{identity.entity.metadata}}',
      '{{identity.entity.metadata.__proto__}}',
      '{{identity.entity.aliases.auth_none_1.name}}',
      `{{identity.entity.aliases.${accessor}}}`,
      `{{identity.entity.aliases.${accessor}.metadata.none}}`,
      '{{identity.groups.names.blues.id}}',
      '{{identity.groups.names}}',
      '{{identity.entity.groups.names}}',
      '{{identity.entity}}',
      '{{name}}',
      '{{}}',
      '{{time.then}}',
    ]) {
      await server.policy('templated', `${reads(`kv/${template}*`)} ${reads('kv-else')}`);
      for (const path of ['kv/', 'kv/x', 'kv/undefined', `kv/${template}`, 'kv/null']) {
        assert.equal(await server.allowed(ana.token, path), false, `${template} ${path}`);
      }
      assert.equal(await server.allowed(ana.token, 'kv-else'), true);
    }
    // Nobody in particular.
    const { auth } = await api.ok('POST', 'auth/token/create', { policies: ['templated'] });
    await rule('kv/{{identity.entity.id}}*');
    assert.equal(await server.allowed(textOf(auth['client_token']), 'kv/x'), false);
  });

  it('let no value reach beyond its segment', async () => {
    for (const [value, paths] of [
      ['*', ['kv/x/y', 'kv/*/y']],
      ['a*', ['kv/ab/y', 'kv/a*/y']],
      ['+', ['kv/x/y', 'kv/+/y']],
      ['a/b', ['kv/a/b/y']],
      ['/', ['kv///y']],
      ['../other', ['kv/../other/y']],
    ] as const) {
      await api.ok('POST', `identity/entity/id/${ana.entity}`, { metadata: { team: value } });
      await rule('kv/{{identity.entity.metadata.team}}/y');
      for (const path of paths) {
        const asked = await api.ok('POST', 'sys/capabilities', { token: ana.token, paths: [path] });
        assert.deepEqual(asked.data['capabilities'], ['deny'], `${value} ${path}`);
      }
    }
  });

  it('let what is empty widen nothing', async () => {
    await api.ok('POST', `identity/entity/id/${ana.entity}`, { metadata: { team: '', other: 'x' } });
    for (const [path, asked] of [
      ['kv/{{identity.entity.metadata.team}}*', ['kv/', 'kv/x', 'kv/x/y']],
      ['kv/{{identity.entity.metadata.team}}/*', ['kv/x', 'kv/x/y']],
      ['kv/{{identity.entity.metadata.other}}{{identity.entity.metadata.team}}', ['kv/x', 'kv/']],
    ] as const) {
      await rule(path);
      for (const each of asked) assert.equal(await server.allowed(ana.token, each), false, `${path}: ${each}`);
    }
    const denies = 'path "kv/{{identity.entity.metadata.team}}secret" { capabilities = ["deny"] }';
    await server.policy('templated', `${reads('kv/*')} ${denies}`);
    assert.equal(await server.allowed(ana.token, 'kv/secret'), false, 'what denies is kept');
    assert.equal(await server.allowed(ana.token, 'kv/other'), true);
  });

  it('keep a rule that denies, also where the value has a slash', async () => {
    await api.ok('POST', `identity/entity/id/${ana.entity}`, { metadata: { team: 'a/b' } });
    await server.policy(
      'templated',
      `${reads('kv/*')} path "kv/{{identity.entity.metadata.team}}" { capabilities = ["deny"] }`,
    );
    assert.equal(await server.allowed(ana.token, 'kv/a/b'), false);
    assert.equal(await server.allowed(ana.token, 'kv/a/c'), true);
  });

  it('change with what they are filled in from', async () => {
    await rule('kv/{{identity.entity.metadata.team}}');
    for (const team of ['one', 'two']) {
      await api.ok('POST', `identity/entity/id/${ana.entity}`, { metadata: { team } });
      assert.deepEqual(await Promise.all(['one', 'two'].map((each) => server.allowed(ana.token, `kv/${each}`))), [
        team === 'one',
        team === 'two',
      ]);
    }
  });

  it('of the default policy let everybody see their own entity only', async () => {
    await server.user('other');
    const other = await server.login('other');
    const { name } = (await api.ok('GET', `identity/entity/id/${other.entity}`)).data as { name: string };
    assert.equal(await server.allowed(ana.token, `identity/entity/id/${ana.entity}`), true);
    assert.equal(await server.allowed(ana.token, 'identity/entity/name/Tess'), true);
    assert.equal(await server.allowed(ana.token, `identity/entity/id/${other.entity}`), false);
    assert.equal(await server.allowed(ana.token, `identity/entity/name/${name}`), false);
  });

  it('are refused when they are not balanced', async () => {
    for (const path of ['a/{{b', 'a/b}}', 'a/{{b}}c}}', 'a/}}{{']) {
      await api.refused([400, /balanced/], 'PUT', 'sys/policies/acl/bad', { policy: reads(path) });
    }
  });
});
