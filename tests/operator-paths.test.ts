/** What operators look at and use in `sys/` besides the secrets: tools, the host, counters. Values and texts as Vault's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { API_VERSION, type JsonObject } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './auth/api.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
before(async () => {
  server = await startAuthServer();
  api = server.api;
});
after(() => server.close());

describe('sys/tools/hash', () => {
  const HELLO = 'aGVsbG8=';
  const sum = async (path: string, body: JsonObject) =>
    (await api.ok('POST', `sys/tools/hash${path}`, body)).data['sum'];

  it('hashes with every algorithm of Vault', async () => {
    const sums = {
      'sha2-224': 'ea09ae9cc6768c50fcee903ed054556e5bfc8347907f12598aa24193',
      'sha2-256': '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      'sha2-384': '59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f',
      'sha2-512':
        '9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043',
      'sha3-224': 'b87f88c72702fff1748e58b87e9141a42c0dbedc29a78cb0d4a5cd81',
      'sha3-256': '3338be694f50c5f338814986cdf0686453a888b84f424d792af4b9202398f392',
      'sha3-384': '720aea11019ef06440fbf05d87aa24680a2153df3907b23631e7177ce620fa1330ff07c0fddee54699a4c3ee0ee9d887',
      'sha3-512':
        '75d527c368f2efe848ecf6b073a36767800805e9eef2b1857d5f984f036eb6df891d75f72d9b154518c1cd58835286d1da9a38deba3de98b5a53e5ed78a84976',
    };
    for (const [algorithm, expected] of Object.entries(sums)) {
      assert.equal(await sum(`/${algorithm}`, { input: HELLO }), expected, algorithm);
      assert.equal(await sum('', { input: HELLO, algorithm }), expected, algorithm);
    }
  });

  it('hashes with sha2-256 to hexadecimal unless told otherwise; the URL wins', async () => {
    const hex = await sum('', { input: HELLO });
    assert.equal(hex, '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824');
    const base64 = textOf(await sum('', { input: HELLO, format: 'base64' }));
    assert.equal(Buffer.from(base64, 'base64').toString('hex'), hex);
    assert.equal(textOf(await sum('/sha2-224', { input: HELLO, algorithm: 'sha2-256' })).length, 56);
    assert.equal(await sum('', {}), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.equal(await sum('', { input: 'aGVs\r\nbG8=\n' }), hex);
  });

  it('refuses what it does not know', async () => {
    const refused = (error: string | RegExp, path: string, body: JsonObject) =>
      api.refused([400, error], 'POST', `sys/tools/hash${path}`, body);
    await refused('unsupported algorithm md5', '/md5', { input: HELLO });
    await refused('unsupported algorithm sha1', '', { input: HELLO, algorithm: 'sha1' });
    await refused('unsupported encoding format "x"; must be "hex" or "base64"', '', { input: HELLO, format: 'x' });
    for (const input of ['!!', 'aGVsbG8', 'aGVsbG8=x', 'aGVs-G8=']) {
      await refused(/^unable to decode input as base64: illegal base64 data/, '', { input });
    }
  });
});

describe('sys/tools/random', () => {
  const bytes = async (path: string, body: JsonObject = {}) => {
    const { data, body: whole } = await api.ok('POST', `sys/tools/random${path}`, body);
    return { text: textOf(data['random_bytes']), warnings: whole['warnings'] };
  };
  const length = (text: string) => Buffer.from(text, 'base64').length;

  it('makes as many bytes as asked for, anew each time', async () => {
    const [one, other] = [await bytes(''), await bytes('')];
    assert.deepEqual([length(one.text), length(other.text), one.text === other.text], [32, 32, false]);
    assert.equal(length((await bytes('', { bytes: 131_072 })).text), 131_072);
    for (const path of ['/8', '/platform/8', '/seal/8', '/all/8']) assert.equal(length((await bytes(path)).text), 8);
    for (const path of ['/platform', '/seal', '/all']) {
      assert.equal(length((await bytes(path, { bytes: '12' })).text), 12, path);
    }
    assert.match((await bytes('/6', { format: 'hex' })).text, /^[\da-f]{12}$/);
  });

  it('says where the seal has no randomness of its own', async () => {
    const warning = ['no seal/entropy augmentation available, using platform entropy source'];
    assert.deepEqual((await bytes('/seal/8')).warnings, warning);
    assert.deepEqual((await bytes('/all/8')).warnings, null);
  });

  it('refuses sizes, sources and formats that there are not', async () => {
    const refused = (error: string | RegExp, path: string, body: JsonObject = {}) =>
      api.refused([400, error], 'POST', `sys/tools/random${path}`, body);
    await refused('"bytes" cannot be less than 1', '/0');
    await refused('"bytes" cannot be less than 1', '', { bytes: -5 });
    await refused('"bytes" should be less than 131072', '/131073');
    await refused('"bytes" should be less than 131072', '', { bytes: 1e15 });
    await refused(/^error parsing url-set byte count: /, '/many');
    await refused(/^error parsing url-set byte count: /, '/platform/1e9');
    await refused('unsupported entropy source "moon"; must be "platform" or "seal", or "all"', '/moon/8');
    await refused('unsupported encoding format "base32"; must be "hex" or "base64"', '', { format: 'base32' });
    assert.equal((await api('GET', 'sys/tools/random')).status, 405);
  });
});

describe('sys/host-info', () => {
  it('shows the machine under the names of Vault', async () => {
    const { data } = await api.ok('GET', 'sys/host-info');
    for (const part of ['timestamp', 'cpu', 'cpu_times', 'disk', 'host', 'memory']) assert.ok(part in data, part);
    const [memory, host] = [data['memory'] as JsonObject, data['host'] as JsonObject];
    assert.ok(Number(memory['total']) >= Number(memory['available']));
    for (const name of ['hostname', 'uptime', 'bootTime', 'os', 'kernelVersion', 'kernelArch']) {
      assert.ok(name in host, name);
    }
    assert.ok((data['cpu'] as JsonObject[]).every(({ modelName }) => typeof modelName === 'string'));
  });

  it('needs a policy', async () => {
    const { auth } = await api.ok('POST', 'auth/token/create', { policies: ['app'] });
    await api.refused([403, /permission denied/], 'GET', 'sys/host-info', undefined, {
      token: textOf(auth['client_token']),
    });
  });
});

describe('sys/internal/counters', () => {
  const counters = async (what: string) => (await api.ok('GET', `sys/internal/counters/${what}`)).data['counters'];

  it('counts the tokens that are valid', async () => {
    const count = async () =>
      ((await counters('tokens')) as { service_tokens: { total: number } }).service_tokens.total;
    const before = await count();
    const { auth } = await api.ok('POST', 'auth/token/create', { policies: ['app'] });
    assert.equal(await count(), before + 1);
    await api.ok('POST', 'auth/token/revoke', { token: textOf(auth['client_token']) });
    assert.equal(await count(), before);
  });

  it('counts entities, disabled ones included', async () => {
    const total = async () => (await counters('entities')) as JsonObject;
    assert.deepEqual(await total(), { entities: { total: 0 } });
    await api.ok('POST', 'identity/entity', { name: 'ana' });
    await api.ok('POST', 'identity/entity', { name: 'bo', disabled: true });
    assert.deepEqual(await total(), { entities: { total: 2 } });
    for (const name of ['ana', 'bo']) await api.ok('DELETE', `identity/entity/name/${name}`);
    assert.deepEqual(await total(), { entities: { total: 0 } });
  });

  it('counts leases', async () => {
    assert.deepEqual(await counters('leases'), { leases: { total: 0, revoking: 0, irrevocable: 0 } });
  });

  it('says of clients that they are not counted', async () => {
    await api.refused(
      [404, 'The functionality has been removed on this path'],
      'GET',
      'sys/internal/counters/requests',
    );
    for (const path of [
      'activity',
      'activity?start_time=2026-01-01T00:00:00Z',
      'activity/monthly',
      'activity/export',
    ]) {
      await api.refused([404, /unsupported path/], 'GET', `sys/internal/counters/${path}`);
    }
    const config = 'sys/internal/counters/config';
    const { data } = await api.ok('GET', config);
    assert.deepEqual([data['enabled'], data['queries_available']], ['default-disabled', false]);
    await api.refused([400, /clients are not counted/], 'POST', config, { enabled: 'enable' });
    assert.equal((await api.ok('POST', config, { enabled: 'disable' })).status, 204);
  });
});

describe('sys/version-history', () => {
  it('lists the version that has opened the store', async () => {
    const { data } = await api.ok('LIST', 'sys/version-history');
    const keys = data['keys'] as string[];
    assert.deepEqual(keys, [API_VERSION]);
    const { timestamp_installed, ...rest } = (data['key_info'] as Record<string, JsonObject>)[API_VERSION] ?? {};
    assert.deepEqual(rest, { previous_version: null, build_date: '' });
    assert.match(textOf(timestamp_installed), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
    assert.deepEqual((await api.ok('LIST', 'sys/version-history/')).data, data);
    assert.equal((await api('GET', 'sys/version-history')).status, 405);
  });
});
