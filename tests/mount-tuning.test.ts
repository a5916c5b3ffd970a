/** Settings of mounts: each is kept and shown as Vault shows it, or refused by its name. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './auth/api.ts';
import { DurableHome, initialize, unseal } from './durable-process.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
let made = 0;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
});
after(() => server.close());

/** A new mount, tuned under `tune` and listed in `list` by `name`. */
interface Place {
  readonly at: string;
  readonly list: string;
  readonly name: string;
  readonly type: string;
}
async function enable(kind: 'mounts' | 'auth', body: JsonObject = {}): Promise<Place> {
  const name = `m${++made}`;
  const type = kind === 'auth' ? 'userpass' : 'database';
  await api.ok('POST', `sys/${kind}/${name}`, { type, ...body });
  return { at: `sys/${kind}/${name}`, list: `sys/${kind}`, name: `${name}/`, type };
}
const configOf = async ({ list, name }: Place): Promise<JsonObject> => {
  const mount = (await api.ok('GET', list)).data[name] as JsonObject;
  return mount['config'] as JsonObject;
};
const tuned = async ({ at }: Place): Promise<JsonObject> => (await api.ok('GET', `${at}/tune`)).data;
const warningsOf = (body: JsonObject): string => JSON.stringify(body['warnings'] ?? null);

const SETTINGS = {
  audit_non_hmac_request_keys: ['a', 'b'],
  audit_non_hmac_response_keys: ['c'],
  listing_visibility: 'unauth',
  passthrough_request_headers: ['X-One', 'X-Two'],
  allowed_response_headers: ['X-Three'],
} as const;
const REFUSED: readonly (readonly [setting: JsonObject, error: RegExp])[] = [
  [{ listing_visibility: 'everyone' }, /^invalid listing_visibility "everyone"/],
  [{ allowed_managed_keys: ['k'] }, /"allowed_managed_keys" is not supported/],
  [{ delegated_auth_accessors: 'auth_userpass_1' }, /"delegated_auth_accessors" is not supported/],
  [{ identity_token_key: 'default' }, /"identity_token_key" is not supported/],
  [{ trim_request_trailing_slashes: true }, /"trim_request_trailing_slashes" is not supported/],
  [{ plugin_version: 'v1.2.3' }, /"plugin_version": cannot select non-builtin version of (auth|secrets) plugin /],
];

for (const kind of ['mounts', 'auth'] as const) {
  describe(`settings in sys/${kind}`, () => {
    it('are kept and shown, when enabled and when tuned', async () => {
      const own = kind === 'auth' ? { token_type: 'default-service' } : {};
      const enabled = await enable(kind, { config: SETTINGS });
      const later = await enable(kind);
      assert.deepEqual((await api.ok('GET', later.at)).data['config'], {
        default_lease_ttl: 0,
        force_no_cache: false,
        max_lease_ttl: 0,
        ...own,
      });
      await api.ok('POST', `${later.at}/tune`, SETTINGS);
      for (const place of [enabled, later]) {
        const expected = { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0, ...SETTINGS, ...own };
        assert.deepEqual(await configOf(place), expected);
        assert.deepEqual((await api.ok('GET', place.at)).data['config'], expected);
        const shown = await tuned(place);
        for (const [name, value] of Object.entries({ ...SETTINGS, ...own })) assert.deepEqual(shown[name], value, name);
        assert.equal(shown['options'], undefined);
      }
    });

    it('that come as text are split at commas; what is not given stays, and what is empty is cleared', async () => {
      const place = await enable(kind, { config: { ...SETTINGS, audit_non_hmac_request_keys: 'x, y' } });
      await api.ok('POST', `${place.at}/tune`, { passthrough_request_headers: 'X-Four,X-Five', description: 'new' });
      const shown = await tuned(place);
      assert.deepEqual(shown['audit_non_hmac_request_keys'], ['x', 'y']);
      assert.deepEqual(shown['passthrough_request_headers'], ['X-Four', 'X-Five']);
      assert.equal(shown['listing_visibility'], 'unauth');
      assert.equal(shown['description'], 'new');
      await api.ok('POST', `${place.at}/tune`, {
        audit_non_hmac_request_keys: [],
        audit_non_hmac_response_keys: '',
        passthrough_request_headers: [''],
        allowed_response_headers: null,
        listing_visibility: '',
        description: '',
      });
      const cleared = await tuned(place);
      assert.equal(cleared['description'], '');
      for (const name of Object.keys(SETTINGS)) assert.equal(cleared[name], undefined, name);
    });

    it('without an effect here are refused by name, before anything is changed', async () => {
      const place = await enable(kind);
      const before = await configOf(place);
      for (const [setting, error] of REFUSED) {
        await api.refused([400, error], 'POST', `${place.at}/tune`, { ...SETTINGS, ...setting });
        const body = { type: place.type, config: setting };
        await api.refused([400, error], 'POST', `sys/${kind}/never`, body);
      }
      const entropy = { type: place.type, external_entropy_access: true };
      await api.refused([400, /"external_entropy_access" is not supported/], 'POST', `sys/${kind}/never`, entropy);
      const version = { type: place.type, plugin_version: '9.9.9' };
      await api.refused([400, /"plugin_version": cannot select/], 'POST', `sys/${kind}/never`, version);
      assert.deepEqual(await configOf(place), before);
      assert.equal((await api.ok('GET', `sys/${kind}`)).data['never/'], undefined);
    });

    it('that say what is so anyway are taken', async () => {
      const nothing = {
        options: null,
        allowed_managed_keys: [],
        delegated_auth_accessors: null,
        identity_token_key: '',
        trim_request_trailing_slashes: false,
        plugin_version: '',
        user_lockout_config: { lockout_threshold: '', lockout_disable: true },
      };
      const place = await enable(kind, { config: nothing, external_entropy_access: false });
      const lockout = {
        user_lockout_counter_reset_duration: 0,
        user_lockout_disable: true,
        user_lockout_duration: 0,
        user_lockout_threshold: 0,
      };
      assert.deepEqual((await configOf(place))['user_lockout_config'], lockout);
      const shown = await tuned(place);
      for (const [name, value] of Object.entries(lockout)) assert.equal(shown[name], value);
      const running = (await api.ok('GET', place.at)).data['running_plugin_version'] ?? null;
      const { body } = await api.ok('POST', `${place.at}/tune`, { ...nothing, plugin_version: running });
      assert.equal(warningsOf(body), 'null');
    });

    it('have options that are added, replaced and removed one by one, but never a version', async () => {
      const place = await enable(kind, { options: { one: '1', two: 2 } });
      await api.ok('POST', `${place.at}/tune`, { options: { two: '', three: 'x' } });
      assert.deepEqual((await tuned(place))['options'], { one: '1', three: 'x' });
      assert.deepEqual((await api.ok('GET', place.at)).data['options'], { one: '1', three: 'x' });
      await api.ok('POST', `${place.at}/tune`, { options: null });
      await api.ok('POST', `${place.at}/tune`, { options: {} });
      assert.deepEqual((await tuned(place))['options'], { one: '1', three: 'x' });
      const refusal = [400, /(secrets engine|auth method) "\w+" does not allow setting a version/] as const;
      await api.refused(refusal, 'POST', `${place.at}/tune`, { options: { version: '2' } });
      await api.refused(refusal, 'POST', `sys/${kind}/never`, { type: place.type, options: { version: 2 } });
      const none = [
        400,
        /^plugin not found in the catalog: kv \(there is no such (engine|auth method) here; /,
      ] as const;
      for (const more of [{}, { options: { version: '2' } }, { plugin_version: 'v1.2.3' }])
        await api.refused(none, 'POST', `sys/${kind}/never`, { type: 'kv', ...more });
      await api.refused([400, /"options": "a" must be a string/], 'POST', `${place.at}/tune`, {
        options: { a: ['b'] },
      });
    });

    it('that nobody knows, or that are only kept, are a warning', async () => {
      const at = `sys/${kind}/m${++made}`;
      const type = kind === 'auth' ? 'approle' : 'database';
      const { body } = await api.ok('POST', at, { type, seal_wrap: true, config: { listing: 'x', description: 'y' } });
      assert.match(warningsOf(body), /unrecognized parameters: \[config.description config.listing\]/);
      assert.match(warningsOf(body), /seal_wrap is stored, but has no effect/);
      const answer = await api.ok('POST', `${at}/tune`, { user_lockout_threshold: 3, force_no_cache: true });
      assert.match(warningsOf(answer.body), /unrecognized parameters: \[user_lockout_threshold\]/);
      assert.match(warningsOf(answer.body), /force_no_cache has not changed/);
    });

    it('of what is not mounted are missing in Vault’s words', async () => {
      const inner = kind === 'auth' ? 'auth/none/x/' : 'none/x/';
      const missing = kind === 'auth' ? 'No auth engine at none/x/' : 'No secret engine mount at none/x/';
      await api.refused([400, missing], 'GET', `sys/${kind}/none/x`);
      await api.refused([400, `cannot fetch sysview for path "${inner}"`], 'GET', `sys/${kind}/none/x/tune`);
      const lost = `tune of path "${inner}" failed: no mount entry found`;
      await api.refused([400, lost], 'POST', `sys/${kind}/none/x/tune`, { description: 'x' });
      const { at } = await enable(kind);
      assert.equal((await api('GET', `${at}/below`)).status, 400);
    });
  });
}

describe('types of mounts', () => {
  it('may be named by plugin_name, where the type is "plugin" or left out, and only once', async () => {
    for (const body of [
      { type: 'plugin', plugin_name: 'database' },
      { type: 'plugin', config: { plugin_name: 'database' } },
      { plugin_name: 'database' },
      { type: 'database', plugin_name: 'database' },
    ]) {
      const at = `sys/mounts/m${++made}`;
      await api.ok('POST', at, body);
      assert.equal((await api.ok('GET', at)).data['type'], 'database');
    }
    await api.refused([400, /^plugin_name must be provided/], 'POST', 'sys/mounts/never', { type: 'plugin' });
    const both = { type: 'database', plugin_name: 'kv' };
    await api.refused([400, /"plugin_name": the type is already "database"/], 'POST', 'sys/mounts/never', both);
  });
});

describe('the type of tokens', () => {
  it('is kept for an auth method, where it is one that is made', async () => {
    const place = await enable('auth', { config: { token_type: 'service' } });
    assert.equal((await configOf(place))['token_type'], 'service');
    await api.ok('POST', `${place.at}/tune`, { description: 'x' });
    assert.equal((await tuned(place))['token_type'], 'service');
    for (const type of ['batch', 'default-batch']) {
      await api.ok('POST', `${place.at}/tune`, { token_type: type });
      assert.equal((await tuned(place))['token_type'], type);
    }
    await api.refused([400, "invalid value for 'token_type'"], 'POST', `${place.at}/tune`, { token_type: 'x' });
    await api.ok('POST', `${place.at}/tune`, { token_type: '' });
    assert.equal((await tuned(place))['token_type'], 'default-service');
  });

  it('is no setting of a secrets engine, nor of auth/token', async () => {
    const place = await enable('mounts');
    const only = [400, "'token_type' can only be modified on auth mounts"] as const;
    await api.refused(only, 'POST', `${place.at}/tune`, { token_type: 'service' });
    await api.refused(only, 'POST', 'sys/mounts/never', { type: 'database', config: { token_type: 'service' } });
    const refusal = [400, /^'token_type' cannot be set for 'token'/] as const;
    await api.refused(refusal, 'POST', 'sys/auth/token/tune', { token_type: 'service' });
  });
});

describe('the mounts of the server itself', () => {
  it('are tuned as far as Vault allows', async () => {
    await api.ok('POST', 'sys/auth/token/tune', { description: 'tokens', listing_visibility: 'unauth' });
    assert.equal((await api.ok('GET', 'sys/auth')).data['token/'] !== undefined, true);
    assert.equal((await api.ok('GET', 'sys/auth/token/tune')).data['listing_visibility'], 'unauth');
    await api.ok('POST', 'sys/auth/token/tune', { listing_visibility: '' });
    await api.ok('POST', 'sys/mounts/sys/tune', { audit_non_hmac_request_keys: 'policy' });
    const { data } = await api.ok('GET', 'sys/mounts/sys/tune');
    assert.deepEqual(data['audit_non_hmac_request_keys'], ['policy']);
    assert.deepEqual(data['passthrough_request_headers'], ['Accept'], 'as its view shows it');
    const refusal = [400, 'cannot tune parameter max_lease_ttl of sys/'] as const;
    await api.refused(refusal, 'POST', 'sys/mounts/sys/tune', { max_lease_ttl: '1h' });
    // As "secrets tune" sends it: with what was not given.
    const { data: before } = await api.ok('GET', 'sys/mounts/sys/tune');
    const sent = { options: null, default_lease_ttl: '', max_lease_ttl: '', force_no_cache: false };
    await api.ok('POST', 'sys/mounts/sys/tune', { ...sent, audit_non_hmac_request_keys: ['ttl'] });
    const { data: after } = await api.ok('GET', 'sys/mounts/sys/tune');
    assert.deepEqual(after, { ...before, audit_non_hmac_request_keys: ['ttl'] });
  });
});

describe('settings of mounts', () => {
  it('outlive the server, those of auth/token too', async () => {
    const home = await DurableHome.make();
    try {
      await home.configure(home.fileStorage);
      let process = await home.start();
      const { root_token: root, unseal_keys_b64: keys } = await initialize(process);
      await unseal(process, keys.slice(0, 2));
      const settings = { ...SETTINGS, token_type: 'service', user_lockout_config: { lockout_disable: true } };
      await process.client(root).write('sys/auth/people', { type: 'userpass', config: settings });
      await process.client(root).write('sys/auth/token/tune', { max_lease_ttl: '3h', description: 'Tokens' });
      const read = async (path: string) => (await process.client(root).read(path))?.data ?? {};
      const before = await read('sys/auth/people');
      assert.equal(await process.stop('SIGKILL'), -1);
      process = await home.start();
      await unseal(process, keys.slice(0, 2));
      assert.deepEqual(await read('sys/auth/people'), before);
      assert.equal((await read('sys/auth/people/tune'))['listing_visibility'], 'unauth');
      const { max_lease_ttl: maxTtl, description } = await read('sys/auth/token/tune');
      assert.deepEqual([maxTtl, description], [3 * 3600, 'Tokens']);
      assert.equal(await process.stop('SIGTERM'), 0);
    } finally {
      await home.remove();
    }
  });
});

describe('one mount', () => {
  it('is shown in the envelope and in front of it, as all mounts and their tuning are', async () => {
    for (const path of ['sys/mounts/sys', 'sys/mounts/auth/token', 'sys/auth/token', 'sys/auth/token/tune']) {
      const { body, data } = await api.ok('GET', path);
      assert.ok('description' in data, path);
      for (const [name, value] of Object.entries(data)) assert.deepEqual(body[name], value, `${path}: ${name}`);
    }
  });

  it('of an auth method is neither made nor removed below sys/mounts', async () => {
    const { name } = await enable('auth');
    const path = `sys/mounts/auth/${name.slice(0, -1)}`;
    await api.refused([403, /^cannot unmount "auth\/m\d+\/": use sys\/auth/], 'DELETE', path);
    await api.refused([403, /^cannot mount "auth\/m\d+\/": use sys\/auth/], 'POST', path, { type: 'userpass' });
    await api.ok('GET', path);
  });
});

describe('auth methods below sys/mounts', () => {
  it('are read there without sudo, as Terraform does', async () => {
    const { name } = await enable('auth', { description: 'People', config: { max_lease_ttl: '2h' } });
    const policy = 'path "sys/mounts/auth/*" { capabilities = ["read"] }';
    await api.ok('PUT', 'sys/policies/acl/reader', { policy });
    const made = await api.ok('POST', 'auth/token/create', { policies: ['reader'] });
    const reader = { token: textOf(made.auth['client_token']) };
    const at = `sys/mounts/auth/${name.slice(0, -1)}`;
    const { data } = await api.ok('GET', at, undefined, reader);
    assert.deepEqual(data, (await api.ok('GET', 'sys/auth')).data[name]);
    assert.equal((data['config'] as JsonObject)['max_lease_ttl'], 7200);
    assert.equal((data['config'] as JsonObject)['token_type'], 'default-service');
    assert.equal((await api.ok('GET', `${at}/tune`, undefined, reader)).data['description'], 'People');
    assert.equal((await api.ok('GET', 'sys/mounts/auth/token', undefined, reader)).data['type'], 'token');
    await api.refused([400, 'No secret engine mount at auth/none/'], 'GET', 'sys/mounts/auth/none', undefined, reader);
    await api.refused([403, /permission denied/], 'GET', `sys/auth/${name.slice(0, -1)}`, undefined, reader);
  });

  it('are there by a path of several parts too', async () => {
    await api.ok('POST', 'sys/auth/people/staff', { type: 'approle', config: { listing_visibility: 'hidden' } });
    const { data } = await api.ok('GET', 'sys/mounts/auth/people/staff');
    assert.equal(data['type'], 'approle');
    assert.equal((data['config'] as JsonObject)['listing_visibility'], 'hidden');
    await api.refused([400, 'No secret engine mount at auth/people/'], 'GET', 'sys/mounts/auth/people');
  });
});
