/** Whatever is configured through one node is in force on another for its very next request. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Answer, type Api, textOf } from '../auth/api.ts';
import { connectionTo, SEED_CREATION } from '../dev-server.ts';
import { type Nodes, startNodes } from './nodes.ts';

/** Which of two settings something has; `none` when it is not there. */
type Seen = 'one' | 'two' | 'none';
interface Kind {
  /** One way is enough. */
  readonly slow?: boolean;
  readonly put: (api: Api, value: 'one' | 'two') => Promise<unknown>;
  readonly remove: (api: Api) => Promise<unknown>;
  readonly seen: (api: Api) => Promise<Seen>;
}

const pick = <T>(value: 'one' | 'two', one: T, two: T): T => (value === 'one' ? one : two);
/** What an answer shows, where a refusal shows that it is not there. */
async function shown(answer: Promise<Answer>, one: (answer: Answer) => boolean): Promise<Seen> {
  const found = await answer;
  if (found.status >= 400) return 'none';
  return one(found) ? 'one' : 'two';
}
const HOURS = { one: 3600, two: 7200 } as const;

let nodes: Nodes;
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const ttlOf = ({ auth }: Answer): unknown => auth['lease_duration'];
const role: JsonObject = { db_name: 'yb', creation_statements: SEED_CREATION };
/** Of the approle role that is being logged in to. */
let roleId = '';

const loginAs = async (api: Api, id: string, method = 'approle'): Promise<Answer> => {
  const made = await api('POST', `auth/${method}/role/app/secret-id`, {});
  const secretId = made.data['secret_id'] ?? 'none';
  return api('POST', `auth/${method}/login`, { role_id: id, secret_id: secretId }, { token: '' });
};
const loginWith = (api: Api, password: string): Promise<Answer> =>
  api('POST', 'auth/userpass/login/ana', { password }, { token: '' });

const KINDS: Readonly<Record<string, Kind>> = {
  'a connection': {
    // The role needs no connection to be there: it is what the connection allows that counts.
    put: async (api, value) => {
      await api.ok('POST', 'database/config/yb', {
        plugin_name: 'ysql-plugin',
        ...connectionTo(nodes.database),
        allowed_roles: 'app,other',
        username_template: pick(value, 'one-{{random 20}}', 'two-{{random 20}}'),
      });
      await api.ok('POST', 'database/roles/app', role);
    },
    remove: (api) => api.ok('DELETE', 'database/config/yb'),
    seen: (api) => shown(api('GET', 'database/creds/app'), ({ data }) => textOf(data['username']).startsWith('one-')),
  },
  'who may use a connection': {
    put: async (api, value) => {
      await api.ok('POST', 'database/config/used', {
        ...{ plugin_name: 'ysql-plugin', ...connectionTo(nodes.database) },
        allowed_roles: pick(value, ['first'], ['second']),
      });
      for (const name of ['first', 'second'])
        await api.ok('POST', `database/roles/${name}`, { ...role, db_name: 'used' });
    },
    remove: (api) => api.ok('DELETE', 'database/config/used'),
    seen: async (api) => {
      if ((await api('GET', 'database/creds/second')).status < 400) return 'two';
      return (await api('GET', 'database/creds/first')).status < 400 ? 'one' : 'none';
    },
  },
  'a role': {
    put: async (api, value) => {
      await api.ok('POST', 'database/config/for-roles', {
        ...{ plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(nodes.database) },
      });
      await api.ok('POST', 'database/roles/r', { ...role, db_name: 'for-roles', default_ttl: HOURS[value] });
    },
    remove: (api) => api.ok('DELETE', 'database/roles/r'),
    seen: (api) => shown(api('GET', 'database/creds/r'), ({ body }) => body['lease_duration'] === HOURS.one),
  },
  'a static role': {
    put: async (api, value) => {
      await api.ok('POST', 'database/config/for-static', {
        ...{ plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(nodes.database) },
      });
      await api.ok('POST', 'database/static-roles/s', {
        ...{ db_name: 'for-static', username: 'static_login', rotation_period: HOURS[value] },
      });
    },
    remove: (api) => api.ok('DELETE', 'database/static-roles/s'),
    seen: (api) => shown(api('GET', 'database/static-creds/s'), ({ data }) => data['rotation_period'] === HOURS.one),
  },
  'an approle role': {
    put: async (api, value) => {
      await api.ok('POST', 'auth/approle/role/app', { token_ttl: HOURS[value] });
      roleId = textOf((await api.ok('GET', 'auth/approle/role/app/role-id')).data['role_id']);
    },
    remove: (api) => api.ok('DELETE', 'auth/approle/role/app'),
    seen: (api) => shown(loginAs(api, roleId), (answer) => ttlOf(answer) === HOURS.one),
  },
  'a role id': {
    put: async (api, value) => {
      await api.ok('POST', 'auth/approle/role/app', {});
      await api.ok('POST', 'auth/approle/role/app/role-id', { role_id: value });
    },
    remove: (api) => api.ok('DELETE', 'auth/approle/role/app'),
    seen: async (api) => {
      if ((await loginAs(api, 'two')).status < 400) return 'two';
      return shown(loginAs(api, 'one'), () => true);
    },
  },
  'a user': {
    put: async (api, value) => {
      const isNew = (await api('GET', 'auth/userpass/users/ana')).status >= 400;
      await api.ok('POST', 'auth/userpass/users/ana', { token_ttl: HOURS[value], ...(isNew && { password: 'p' }) });
    },
    remove: (api) => api.ok('DELETE', 'auth/userpass/users/ana'),
    seen: (api) => shown(api('GET', 'auth/userpass/users/ana'), ({ data }) => data['token_ttl'] === HOURS.one),
  },
  'a password': {
    // A password takes a while to be tried.
    slow: true,
    put: (api, value) => api.ok('POST', 'auth/userpass/users/ana', { password: value }),
    remove: (api) => api.ok('DELETE', 'auth/userpass/users/ana'),
    seen: async (api) => {
      if ((await loginWith(api, 'two')).status < 400) return 'two';
      return shown(loginWith(api, 'one'), () => true);
    },
  },
  'a token role': {
    put: (api, value) => api.ok('POST', 'auth/token/roles/t', { token_period: HOURS[value] }),
    remove: (api) => api.ok('DELETE', 'auth/token/roles/t'),
    seen: (api) => shown(api('POST', 'auth/token/create/t', {}), (answer) => ttlOf(answer) === HOURS.one),
  },
  'a password policy': {
    put: (api, value) =>
      api.ok('PUT', 'sys/policies/password/p', {
        policy: `length = 20\nrule "charset" { charset = "${pick(value, 'abc', 'xyz')}" }`,
      }),
    remove: (api) => api.ok('DELETE', 'sys/policies/password/p'),
    seen: (api) =>
      shown(api('GET', 'sys/policies/password/p/generate'), ({ data }) => /^[abc]/.test(textOf(data['password']))),
  },
  'a plugin in the catalog': {
    put: (api, value) => api.ok('PUT', 'sys/plugins/catalog/database/mine', { command: 'mine', sha256: digest(value) }),
    remove: (api) => api.ok('DELETE', 'sys/plugins/catalog/database/mine'),
    seen: (api) =>
      shown(api('GET', 'sys/plugins/catalog/database/mine'), ({ data }) => data['sha256'] === digest('one')),
  },
  'a secrets engine and its tuning': {
    put: async (api, value) => {
      if ((await api('GET', 'sys/mounts/more/tune')).status >= 400) {
        await api.ok('POST', 'sys/mounts/more', { type: 'database' });
      }
      await api.ok('POST', 'sys/mounts/more/tune', { default_lease_ttl: HOURS[value] });
      await api.ok('POST', 'more/config/yb', {
        ...{ plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(nodes.database) },
      });
      await api.ok('POST', 'more/roles/app', role);
    },
    remove: (api) => api.ok('DELETE', 'sys/mounts/more'),
    seen: (api) => shown(api('GET', 'more/creds/app'), ({ body }) => body['lease_duration'] === HOURS.one),
  },
  'an auth method and its tuning': {
    put: async (api, value) => {
      if ((await api('GET', 'sys/auth/more/tune')).status >= 400)
        await api.ok('POST', 'sys/auth/more', { type: 'approle' });
      await api.ok('POST', 'sys/auth/more/tune', { default_lease_ttl: HOURS[value] });
      await api.ok('POST', 'auth/more/role/app', { role_id: 'more' });
    },
    remove: (api) => api.ok('DELETE', 'sys/auth/more'),
    seen: (api) => shown(loginAs(api, 'more', 'more'), (answer) => ttlOf(answer) === HOURS.one),
  },
  'a rate limit quota': {
    put: (api, value) => api.ok('POST', 'sys/quotas/rate-limit/q', { path: 'sys/tools', rate: HOURS[value] }),
    remove: (api) => api.ok('DELETE', 'sys/quotas/rate-limit/q'),
    seen: (api) => shown(api('GET', 'sys/quotas/rate-limit/q'), ({ data }) => data['rate'] === HOURS.one),
  },
  "an entity's metadata, which a policy's template names": {
    put: (api, value) => changePerson(api, { metadata: { of: value } }),
    remove: (api) => changePerson(api, { metadata: {} }),
    seen: (api) => mayRead(api, 'metadata-', person.token),
  },
  'membership of a group that brings a policy': {
    put: async (api, value) => {
      const ofPerson = { member_entity_ids: [await personId(api)] };
      for (const each of ['one', 'two']) {
        const members = each === value ? ofPerson : { member_entity_ids: [] };
        await api.ok('POST', `identity/group/name/${each}`, { policies: `group-${each}`, ...members });
      }
    },
    remove: async (api) => {
      for (const each of ['one', 'two']) await api.ok('DELETE', `identity/group/name/${each}`);
    },
    seen: (api) => mayRead(api, 'group-', person.token),
  },
  'an entity that is enabled, or disabled, or gone': {
    put: (api, value) => changePerson(api, { disabled: value === 'two' }),
    remove: async (api) => api.ok('DELETE', `identity/entity/id/${person.id}`),
    seen: async (api) => {
      if ((await api('GET', 'auth/token/lookup-self', undefined, { token: person.token })).status === 200) return 'one';
      return shown(api('GET', `identity/entity/id/${person.id}`), () => false);
    },
  },
  'a policy': {
    put: (api, value) =>
      api.ok('PUT', 'sys/policies/acl/limited', {
        policy: `path "sys/policies/password/${value}" { capabilities = ["read"] }`,
      }),
    remove: (api) => api.ok('DELETE', 'sys/policies/acl/limited'),
    seen: (api) => mayRead(api, '', limited),
  },
};
/** With the policy of that name. */
let limited = '';
/** Somebody who has logged in. */
let person = { token: '', id: '' };

/** Which of `sys/policies/password/one` and `two`, or what else they are called after a prefix, a token lets read. */
async function mayRead(api: Api, prefix: string, token: string): Promise<Seen> {
  for (const value of ['one', 'two'] as const) {
    const { status } = await api('GET', `sys/policies/password/${prefix}${value}`, undefined, { token });
    // Not found, but allowed to look.
    if (status === 404) return value;
  }
  return 'none';
}

/** Who is gone logs in anew. */
async function personId(api: Api): Promise<string> {
  if ((await api('GET', `identity/entity/id/${person.id || 'none'}`)).status === 404) {
    await api.ok('POST', 'auth/approle/role/person', { role_id: 'person', token_policies: 'templated' });
    const made = await api.ok('POST', 'auth/approle/role/person/secret-id', {});
    const secret = { role_id: 'person', secret_id: made.data['secret_id'] ?? '' };
    const { auth } = await api.ok('POST', 'auth/approle/login', secret, { token: '' });
    person = { token: textOf(auth['client_token']), id: textOf(auth['entity_id']) };
  }
  return person.id;
}

async function changePerson(api: Api, changes: JsonObject): Promise<unknown> {
  return api.ok('POST', `identity/entity/id/${await personId(api)}`, changes);
}

describe('what is configured through one node', () => {
  before(async () => {
    nodes = await startNodes(2);
    const { database, pluginDirectory, all } = nodes;
    await database.query('CREATE ROLE static_login LOGIN');
    await database.query(`GRANT static_login TO "${database.user}" WITH ADMIN OPTION`);
    await writeFile(join(pluginDirectory, 'mine'), '', { mode: 0o755 });
    const api = all[0]?.api ?? assert.fail();
    await api.ok('POST', 'sys/mounts/database', { type: 'database' });
    for (const method of ['approle', 'userpass']) await api.ok('POST', `sys/auth/${method}`, { type: method });
    const reads = (path: string): string => `path "sys/policies/password/${path}" { capabilities = ["read"] }`;
    for (const [policy, path] of [
      ['templated', 'metadata-{{identity.entity.metadata.of}}'],
      ['group-one', 'group-one'],
      ['group-two', 'group-two'],
    ] as const) {
      await api.ok('PUT', `sys/policies/acl/${policy}`, { policy: reads(path) });
    }
    limited = textOf((await api.ok('POST', 'auth/token/create', { policies: ['limited'] })).auth['client_token']);
  });
  after(() => nodes.stop());

  it('is in force on another before a large body is read: what is mounted, and as what', async () => {
    const [first, second] = nodes.all.map(({ api }) => api);
    assert.ok(first !== undefined && second !== undefined);
    // More than a stranger may send.
    const large = { metadata: JSON.stringify({ x: 'x'.repeat(300_000) }), creation_statements: 'x'.repeat(300_000) };
    for (const [here, there] of [[first, second] as const, [second, first] as const]) {
      const send = async (path: string): Promise<string> => (await there('POST', path, large)).error;
      for (const [type, path] of [['userpass', 'users/ana'] as const, ['approle', 'role/app/secret-id'] as const]) {
        assert.match(await send(`auth/large/${path}`), /request body too large/);
        await here.ok('POST', 'sys/auth/large', { type });
        assert.match(await send(`auth/large/${path}`), /missing password|role "app" does not exist/);
        await here.ok('DELETE', 'sys/auth/large');
      }
      await here.ok('POST', 'sys/mounts/large', { type: 'database' });
      assert.match(await send('large/roles/app'), /unknown field "metadata"/);
      await here.ok('DELETE', 'sys/mounts/large');
      assert.match(await send('large/roles/app'), /request body too large/);
    }
  });

  for (const [name, { put, remove, seen, slow = false }] of Object.entries(KINDS)) {
    it(`is in force on another: ${name}`, async () => {
      const [first, second] = nodes.all.map(({ api }) => api);
      assert.ok(first !== undefined && second !== undefined);
      const ways = [[first, second] as const, [second, first] as const];
      for (const [here, there] of slow ? ways.slice(1) : ways) {
        await put(here, 'one');
        assert.equal(await seen(there), 'one', 'made');
        await put(here, 'two');
        assert.equal(await seen(there), 'two', 'changed');
        await put(there, 'one');
        assert.equal(await seen(here), 'one', 'changed back there');
        await remove(here);
        assert.equal(await seen(there), 'none', 'removed');
      }
    });
  }
});
