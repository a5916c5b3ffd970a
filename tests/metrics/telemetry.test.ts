/** What the configuration says of metrics: who may see them, for how long they are shown, and how often the store is counted. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { parseServerConfig } from '../../apps/coffer/src/config/server-config.ts';
import { type Server, startServer } from '../../apps/coffer/src/server.ts';
import { type Api, apiAt, textOf } from '../auth/api.ts';
import { Scrape } from './scrape.ts';

let directory: string;
let server: Server;
let api: Api;

function configuration(telemetry: string): ReturnType<typeof parseServerConfig> {
  const listener = (more: string): string =>
    `listener "tcp" { address = "127.0.0.1:0"\n tls_disable = true\n ${more} }`;
  const text = [
    listener(''),
    listener('telemetry { unauthenticated_metrics_access = true }'),
    listener('telemetry { disallow_metrics = true }'),
    listener('telemetry { metrics_only = true }'),
    `storage "file" { path = "${directory}" }`,
    telemetry,
  ];
  return parseServerConfig(text.join('\n'), 'c.hcl');
}

const [SHUT, OPEN, NONE, ONLY] = [0, 1, 2, 3];
const ask = (listener: number, path = 'sys/metrics?format=prometheus', token = ''): Promise<Response> =>
  fetch(`${server.addresses[listener]}/v1/${path}`, token === '' ? {} : { headers: { 'x-vault-token': token } });

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-metrics-'));
  const telemetry = 'telemetry { usage_gauge_period = "1s"\n disable_hostname = true }';
  server = await startServer(configuration(telemetry), {}, silentLogger);
});
after(async () => {
  await server.close(0);
  await rm(directory, { recursive: true, force: true });
});

describe('metrics by the configuration', () => {
  it('are shown without a token, and while sealed, where a listener says so; nowhere else', async () => {
    const sealed = new Scrape(await (await ask(OPEN)).text());
    assert.equal(sealed.value('vault_core_unsealed'), 0);
    assert.equal(sealed.value('vault_core_active'), 0);
    assert.equal((await ask(SHUT)).status, 503);
    assert.equal((await ask(SHUT, 'sys/metrics', 'any')).status, 503);
    api = apiAt(server.addresses[SHUT] ?? '', '');
    const { body } = await api.ok('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
    await api.ok('PUT', 'sys/unseal', { key: String((body['keys'] as string[])[0]) });
    const root = textOf(body['root_token']);
    api = apiAt(server.addresses[SHUT] ?? '', root);
    assert.equal(new Scrape(await (await ask(OPEN)).text()).value('vault_core_unsealed'), 1);
    assert.equal((await ask(SHUT)).status, 403);
    assert.equal((await ask(SHUT, 'sys/metrics', root)).status, 200);
    assert.equal((await ask(NONE, 'sys/metrics', root)).status, 403);
    assert.equal((await ask(ONLY, 'sys/mounts', root)).status, 404);
  });

  it('count what is in the store every usage_gauge_period', async () => {
    await api.ok('PUT', 'sys/policies/acl/app', { policy: 'path "a" { capabilities = ["read"] }' });
    await api.ok('POST', 'auth/token/create', { policies: ['app'], ttl: '20m' });
    const counted = await until(async () => {
      const seen = new Scrape(await (await ask(OPEN)).text());
      const isCounted = seen.value('vault_token_count_by_policy', { policy: 'app' }) > 0;
      return isCounted && seen.has('vault_expire_num_leases') ? seen : undefined;
    });
    assert.equal(counted.value('vault_token_count'), 2);
    assert.equal(counted.value('vault_token_count_by_auth', { auth_method: 'token' }), 2);
    assert.equal(counted.value('vault_token_count_by_ttl', { creation_ttl: '20m' }), 1);
    assert.equal(counted.value('vault_token_count_by_ttl', { creation_ttl: '+Inf' }), 1);
    assert.equal(counted.value('vault_expire_num_leases'), 0);
    assert.equal(counted.value('coffer_usage_age_seconds') < 30, true);
  });

  it('count the users that are locked out, and no longer who was let in again', async () => {
    await api.ok('PUT', 'sys/auth/userpass', { type: 'userpass' });
    await api.ok('PUT', 'auth/userpass/users/ana', { password: 'ana-password' });
    const counted = (users: number) =>
      until(async () => {
        const seen = new Scrape(await (await ask(OPEN)).text());
        return seen.has('vault_core_locked_users') && seen.value('vault_core_locked_users') === users
          ? true
          : undefined;
      });
    await counted(0);
    for (let n = 0; n < 5; n++) await api('PUT', 'auth/userpass/login/ana', { password: 'wrong' }, { token: '' });
    for (let n = 0; n < 5; n++) await api('PUT', 'auth/userpass/login/nobody', { password: 'wrong' }, { token: '' });
    await counted(1);
    const { data } = await api.ok('GET', 'sys/auth/userpass');
    await api.ok('PUT', `sys/locked-users/${textOf(data['accessor'])}/unlock/ana`);
    await counted(0);
  });

  it('are shown to nobody but the API with a prometheus_retention_time of 0, from a reload on', async () => {
    await server.reload(configuration('telemetry { prometheus_retention_time = "0s" }'));
    const refused = await ask(OPEN);
    assert.deepEqual([refused.status, await refused.text()], [400, 'prometheus is not enabled']);
    assert.equal((await ask(OPEN, 'sys/metrics')).status, 200);
    await server.reload(configuration(''));
    assert.equal((await ask(OPEN)).status, 200);
  });
});

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 300; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it did not come');
}
