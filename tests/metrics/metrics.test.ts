/** `sys/metrics` of a server that has issued, renewed, revoked and failed: what is counted, for whom it is shown, and that no secret is. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type Api, apiAt, textOf } from '../auth/api.ts';
import { vaultShell } from '../docs-shell.ts';
import { executedBlocks } from '../documentation.ts';
import { configure, connectionTo, issue, startTestServer, type TestServer } from '../dev-server.ts';
import { Scrape } from './scrape.ts';

let database: TestDatabase;
let server: TestServer;
let api: Api;
const secrets: string[] = [];

const ROLE = { mount_point: 'database/', connection: 'yugabytedb', role: 'my-first-role' };
const CONNECTION = { mount_point: 'database/', connection: 'yugabytedb' };

async function scrape(): Promise<Scrape> {
  const answer = await fetch(`${server.address}/v1/sys/metrics?format=prometheus`, {
    headers: { 'x-vault-token': 'root' },
  });
  assert.equal(answer.status, 200);
  return new Scrape(await answer.text());
}

before(async () => {
  [database, server] = await Promise.all([databaseUnderTest(), startTestServer()]);
  api = apiAt(server.address);
  await configure(server.client, connectionTo(database));
  await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
  await api.ok('POST', 'auth/userpass/users/ana', { password: 'ana-password', token_policies: 'app' });
});
after(async () => {
  await server.close();
  await database.stop();
});

describe('the metrics', () => {
  it('count what is issued, renewed and revoked by mount, connection and role', async () => {
    const first = await issue(server.client);
    const second = await issue(server.client);
    secrets.push(first.password, second.password);
    await api.ok('POST', 'sys/leases/renew', { lease_id: first.leaseId });
    await api.ok('POST', 'sys/leases/revoke', { lease_id: first.leaseId, sync: true });
    const seen = await scrape();
    assert.equal(seen.value('coffer_database_issued_total', ROLE), 2);
    assert.equal(seen.value('coffer_database_renewed_total', ROLE), 1);
    assert.equal(seen.value('coffer_database_revoked_total', ROLE), 1);
    const created = { secret_engine: 'database', mount_point: 'database/', creation_ttl: '1h' };
    assert.equal(seen.value('vault_secret_lease_creation', created), 2);
    for (const [name, count] of [
      ['register', 2],
      ['renew', 1],
      ['revoke', 1],
    ] as const) {
      assert.equal(seen.value(`vault_expire_${name}_count`), count, name);
    }
    assert.equal(seen.value('vault_database_NewUser_count', CONNECTION), 2);
    assert.equal(seen.value('vault_database_DeleteUser_count', CONNECTION), 1);
    assert.equal(seen.value('vault_database_NewUser', { ...CONNECTION, quantile: '0.5' }) > 0, true);
  });

  it('count rotations of static roles', async () => {
    await database.query('CREATE ROLE static_one LOGIN');
    await database.query(`GRANT static_one TO "${database.user}" WITH ADMIN OPTION`);
    const role = { db_name: 'yugabytedb', username: 'static_one', rotation_period: '1h' };
    await api.ok('POST', 'database/static-roles/one', role);
    await api.ok('POST', 'database/rotate-role/one');
    const { data } = await api.ok('GET', 'database/static-creds/one');
    secrets.push(textOf(data['password']));
    assert.equal((await scrape()).value('coffer_database_rotated_total', { ...CONNECTION, role: 'one' }), 2);
  });

  it('count what fails by its class, and what the plugin failed at', async () => {
    const role = { db_name: 'yugabytedb', creation_statements: 'CREATE ROLE "{{name}}" NONSENSE' };
    await api.ok('POST', 'database/roles/bad', role);
    assert.equal((await api('GET', 'database/creds/bad')).status, 500);
    for (const [method, path] of [
      ['GET', 'creds/none'],
      ['GET', 'static-creds/none'],
      ['PUT', 'rotate-role/none'],
      ['PUT', 'rotate-root/none'],
    ] as const)
      assert.notEqual((await api(method, `database/${path}`)).status, 200);
    await api('GET', 'secret/none');
    const seen = await scrape();
    const failed = { ...ROLE, role: 'bad', operation: 'issue', class: 'failed' };
    assert.equal(seen.value('coffer_database_failed_total', failed), 1);
    assert.equal(seen.value('vault_database_NewUser_error', CONNECTION), 1);
    const requests = 'coffer_requests_failed_total';
    const ofMount = { mount_point: 'database/', operation: 'read' };
    assert.equal(seen.value(requests, { ...ofMount, class: 'failed' }), 1);
    assert.equal(seen.value(requests, { ...ofMount, class: 'invalid-request' }), 2);
    for (const role of ['', 'none']) {
      for (const operation of ['issue', 'rotate']) {
        for (const connection of ['', 'none']) {
          const madeUp = { mount_point: 'database/', connection, role, operation, class: 'failed' };
          assert.ok(!seen.has('coffer_database_failed_total', madeUp), 'no label is what a caller has made up');
        }
      }
    }
    assert.equal(seen.value(requests, { mount_point: '', operation: 'read', class: 'not-found' }), 1);
  });

  it('time requests and logins, and what they wait for', async () => {
    const before = await scrape();
    const { auth } = await api.ok('POST', 'auth/userpass/login/ana', { password: 'ana-password' }, { token: '' });
    secrets.push(textOf(auth['client_token']), 'ana-password');
    await api.ok('GET', 'auth/token/lookup-self', undefined, { token: textOf(auth['client_token']) });
    await api('POST', 'auth/userpass/login/ana', { password: 'wrong' }, { token: '' });
    const seen = await scrape();
    const more = (name: string, labels = {}): number => seen.value(name, labels) - before.value(name, labels);
    assert.equal(more('vault_core_handle_login_request_count'), 2);
    // That of the scrape before is over as well.
    assert.equal(more('vault_core_handle_request_count'), 2);
    assert.equal(more('vault_route_update_count', { mount_point: 'auth/userpass/' }), 2);
    assert.equal(more('vault_route_read_count', { mount_point: 'auth/token/' }), 1);
    assert.equal(more('vault_core_check_token_count') >= 3, true);
    assert.equal(more('vault_core_fetch_acl_and_token_count') >= 3, true);
    const made = {
      auth_method: 'userpass',
      mount_point: 'auth/userpass/',
      creation_ttl: '+Inf',
      token_type: 'service',
    };
    assert.equal(seen.value('vault_token_creation', made), 1, 'of 32 days');
    assert.equal(more('coffer_store_seconds_count', { operation: 'read' }) > 0, true);
    assert.equal(more('coffer_store_seconds_count', { operation: 'write' }) > 0, true);
    for (const queue of ['pool', 'ddl']) {
      const labels = { ...CONNECTION, queue };
      assert.equal(seen.value('coffer_database_queue_seconds_count', labels) > 0, true, queue);
    }
    assert.equal(seen.value('coffer_database_roundtrip_seconds_count', CONNECTION) > 2, true);
    const idle = { ...CONNECTION, state: 'idle' };
    assert.equal(seen.value('coffer_database_pool_connections', idle) > 0, true);
    assert.equal(seen.value('coffer_database_sessions_owed', CONNECTION), 0);
  });

  it('say how the node is', async () => {
    const seen = await scrape();
    assert.equal(seen.value('vault_core_unsealed'), 1);
    assert.equal(seen.value('vault_core_active'), 1);
    assert.equal(seen.value('vault_core_in_flight_requests'), 1, 'the scrape itself');
    assert.equal(seen.value('vault_core_mount_table_num_entries', { type: 'auth', local: 'false' }), 2);
    assert.equal(seen.value('vault_runtime_sys_bytes') > 1e6, true);
    assert.equal(seen.value('process_resident_memory_bytes') > 1e6, true);
    assert.equal(seen.value('coffer_event_loop_lag_seconds', { quantile: '1' }) >= 0, true);
  });

  it('count refusals by quotas', async () => {
    await api.ok('POST', 'sys/quotas/rate-limit/tight', { path: 'auth/userpass/login/bob', rate: 1, interval: '1m' });
    const login = (): Promise<unknown> => api('POST', 'auth/userpass/login/bob', { password: 'x' }, { token: '' });
    for (let i = 0; i < 3; i++) await login();
    assert.equal((await scrape()).value('vault_quota_rate_limit_violation', { name: 'tight' }), 2);
  });
});

describe('sys/metrics', () => {
  it('is asked as the page says', async () => {
    const [block] = executedBlocks('docs/observability.md', import.meta.filename);
    const shown = await vaultShell(block?.text ?? '', { address: server.address, token: 'root' });
    assert.match(shown, /^vault_core_unsealed 1$/m);
  });

  const ask = (query = '', headers: Record<string, string> = { 'x-vault-token': 'root' }): Promise<Response> =>
    fetch(`${server.address}/v1/sys/metrics${query}`, { headers });

  it("answers JSON in go-metrics' shape by default", async () => {
    const answer = await ask();
    assert.equal(answer.headers.get('content-type'), 'application/json');
    const summary = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual(Object.keys(summary), ['Timestamp', 'Gauges', 'Points', 'Counters', 'Samples']);
    const gauges = summary['Gauges'] as { Name: string; Value: number; Labels: object }[];
    assert.deepEqual(
      gauges.find(({ Name }) => Name === 'vault.core.unsealed'),
      { Name: 'vault.core.unsealed', Value: 1, Labels: {} },
    );
  });

  it('answers the text of Prometheus to whoever asks for it, or accepts it', async () => {
    const types = await Promise.all(
      [
        ask('?format=prometheus'),
        ask('', { 'x-vault-token': 'root', accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' }),
        ask('', { 'x-vault-token': 'root', accept: 'text/plain;version=0.0.4;q=0.3,*/*;q=0.2' }),
      ].map(async (answer) => (await answer).headers.get('content-type')),
    );
    for (const type of types) assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
  });

  it('refuses other formats as Vault does, in plain text', async () => {
    const answer = await ask('?format=xml');
    assert.equal(answer.status, 400);
    assert.equal(await answer.text(), 'metric response format "xml" unknown');
  });

  it('needs a token that may read it, which no listener has opened here', async () => {
    assert.equal((await ask('', {})).status, 403);
    await api.ok('PUT', 'sys/policies/acl/prometheus', { policy: 'path "sys/metrics" { capabilities = ["read"] }' });
    const { auth } = await api.ok('POST', 'auth/token/create', { policies: ['prometheus'], no_default_policy: true });
    const token = textOf(auth['client_token']);
    assert.equal((await ask('?format=prometheus', { 'x-vault-token': token })).status, 200);
    const { auth: other } = await api.ok('POST', 'auth/token/create', { policies: ['app'] });
    assert.equal((await ask('', { 'x-vault-token': textOf(other['client_token']) })).status, 403);
    assert.equal((await api('POST', 'sys/metrics', {})).status, 405);
  });

  it('shows no secret, no token, no lease and no login', async () => {
    const texts = await Promise.all([ask(), ask('?format=prometheus')].map(async (answer) => (await answer).text()));
    assert.equal(secrets.length >= 5, true);
    for (const text of texts) {
      for (const secret of [...secrets, 'hvs.', 'V_ROOT', 'v-root', '/creds/']) {
        assert.ok(!text.includes(secret), `it shows ${secret}`);
      }
    }
  });

  it('is refused while sealed', async () => {
    await api.ok('PUT', 'sys/seal');
    assert.equal((await ask('?format=prometheus')).status, 503);
  });
});
