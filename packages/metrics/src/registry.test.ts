import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { METRICS, type MetricDeclaration, prometheusName, ttlBucket } from '@coffer/base';
import { Registry } from './registry.ts';

const ROLE = { mount_point: 'database/', connection: 'a', role: 'r' };

async function textOf(registry: Registry): Promise<string> {
  return (await registry.prometheus()) ?? assert.fail('nothing for Prometheus');
}

interface Shown {
  readonly Name: string;
  readonly Labels: Record<string, string>;
  readonly Value?: number;
  readonly Count?: number;
  readonly Sum?: number;
  readonly Min?: number;
  readonly Max?: number;
  readonly Mean?: number;
  readonly Stddev?: number;
  readonly Rate?: number;
}
type Summary = Record<'Gauges' | 'Counters' | 'Samples' | 'Points', Shown[]> & { Timestamp: string };

describe('the registry', () => {
  it('shows counters, durations in their units, and gauges that are read when somebody looks', async () => {
    const registry = new Registry();
    registry.count('coffer.database.issued.total', ROLE);
    registry.count('coffer.database.issued.total', ROLE, 2);
    registry.took('vault.core.handle_request', 5);
    registry.took('coffer.store.seconds', 5, { operation: 'read' });
    let leases = 1;
    const stop = registry.gauge('vault.expire.num_leases', () => leases);
    leases = 7;
    const text = await textOf(registry);
    assert.match(text, /^coffer_database_issued_total\{mount_point="database\/",connection="a",role="r"\} 3$/m);
    assert.match(text, /^vault_core_handle_request_sum 5$/m);
    assert.match(text, /^vault_core_handle_request\{quantile="0.99"\} 5$/m);
    assert.match(text, /^coffer_store_seconds_bucket\{le="0.005",operation="read"\} 1$/m);
    assert.match(text, /^coffer_store_seconds_bucket\{le="0.0025",operation="read"\} 0$/m);
    assert.match(text, /^vault_expire_num_leases 7$/m);
    stop();
    assert.doesNotMatch(await textOf(registry), /^vault_expire_num_leases /m, 'nothing is known any more');
  });

  it('adds the labels of its owner, and leaves out those that a metric does not declare', async () => {
    const registry = new Registry();
    const mount = registry.with({ mount_point: 'db/' }).with({ connection: 'c' });
    mount.count('coffer.database.retries.total', { sqlstate: '40001', password: 'secret' });
    mount.took('vault.database.NewUser', 3);
    const stop = mount.gauge('coffer.database.nodes', () => [{ labels: { state: 'up' }, value: 3 }]);
    const text = await textOf(registry);
    assert.match(text, /^coffer_database_retries_total\{mount_point="db\/",connection="c",sqlstate="40001"\} 1$/m);
    assert.match(text, /^vault_database_NewUser_count\{mount_point="db\/",connection="c"\} 1$/m);
    assert.match(text, /^coffer_database_nodes\{mount_point="db\/",connection="c",state="up"\} 3$/m);
    assert.doesNotMatch(text, /password=|"secret"/);
    stop();
  });

  it('adds up what several read of one series, as while a connection is opened anew', async () => {
    const registry = new Registry();
    registry.gauge('vault.token.count', () => 2);
    registry.gauge('vault.token.count', () => 3);
    registry.gauge('vault.token.count', () => undefined);
    assert.match(await textOf(registry), /^vault_token_count 5$/m);
  });

  it('counts what has no room any more under other, and says so', async () => {
    const registry = new Registry();
    for (let i = 0; i < 1_000; i++) registry.count('coffer.database.issued.total', { ...ROLE, role: `r${i}` });
    for (let i = 0; i < 300; i++) registry.took('vault.route.read', 1, { mount_point: `m${i}/` });
    registry.gauge('vault.token.count.by_policy', () =>
      Array.from({ length: 600 }, (_, i) => ({ labels: { policy: `p${i}` }, value: 1 })),
    );
    const text = await textOf(registry);
    const seriesOf = (name: string): number => text.match(new RegExp(`^${name}\\{`, 'gm'))?.length ?? 0;
    assert.equal(seriesOf('coffer_database_issued_total'), 501);
    assert.match(text, /^coffer_database_issued_total\{mount_point="other",connection="other",role="other"\} 500$/m);
    assert.equal(seriesOf('vault_route_read_count'), 101);
    assert.match(text, /^vault_route_read_count\{mount_point="other"\} 200$/m);
    assert.equal(seriesOf('vault_token_count_by_policy'), 501);
    assert.match(text, /^vault_token_count_by_policy\{policy="other"\} 100$/m);
    assert.match(text, /^coffer_metrics_series_refused_total\{metric="coffer.database.issued.total"\} 500$/m);
    assert.match(text, /^coffer_metrics_series_refused_total\{metric="vault.route.read"\} 200$/m);
  });

  it('writes label values as the text format wants them, however odd and long', async () => {
    const registry = new Registry();
    registry.count('vault.quota.rate_limit.violation', { name: 'a"b\\c\nd' });
    registry.count('vault.quota.rate_limit.violation', { name: 'x'.repeat(10_000) });
    const text = await textOf(registry);
    assert.ok(text.includes('vault_quota_rate_limit_violation{name="a\\"b\\\\c\\nd"} 1\n'), text);
    assert.ok(text.includes(`{name="${'x'.repeat(256)}"} 1\n`));
  });

  it('has nothing for Prometheus with a retention of 0, and forgets series that get nothing for longer', async () => {
    assert.equal(await new Registry({ retentionMs: 0 }).prometheus(), undefined);
    mock.timers.enable({ apis: ['Date'], now: 1_000_000_000_000 });
    try {
      const registry = new Registry({ retentionMs: 60_000 });
      registry.count('coffer.database.issued.total', { ...ROLE, role: 'old' });
      registry.took('vault.route.read', 1, { mount_point: 'old/' });
      mock.timers.tick(50_000);
      registry.count('coffer.database.issued.total', { ...ROLE, role: 'new' });
      assert.match(await textOf(registry), /role="old"/);
      mock.timers.tick(30_000);
      const text = await textOf(registry);
      assert.doesNotMatch(text, /(?:role|mount_point)="old/);
      assert.match(text, /role="new"/);
      registry.configure({ retentionMs: 0 });
      assert.equal(await registry.prometheus(), undefined);
    } finally {
      mock.timers.reset();
    }
  });

  it('shows the last ten seconds that are over as go-metrics does', () => {
    mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 10, 29, 12, 0, 5) });
    try {
      const registry = new Registry();
      registry.took('vault.core.handle_request', 2);
      registry.took('vault.core.handle_request', 6);
      registry.count('vault.quota.rate_limit.violation', { name: 'q' }, 5);
      registry.gauge('vault.core.unsealed', () => 1);
      assert.deepEqual((registry.summary() as Summary).Samples, [], 'they are not over yet');
      mock.timers.tick(10_000);
      registry.took('vault.core.handle_request', 100);
      const { Timestamp, Gauges, Points, Counters, Samples } = registry.summary() as Summary;
      assert.equal(Timestamp, '2026-11-29 12:00:00 +0000 UTC');
      assert.deepEqual(Gauges, [{ Name: 'vault.core.unsealed', Value: 1, Labels: {} }]);
      assert.deepEqual(Points, []);
      const five = { Sum: 5, Min: 5, Max: 5, Mean: 5, Stddev: 0, Rate: 0.5 };
      assert.deepEqual(Counters, [
        { Name: 'vault.quota.rate_limit.violation', Count: 1, ...five, Labels: { name: 'q' } },
      ]);
      const two = { Count: 2, Rate: 0.8, Sum: 8, Min: 2, Max: 6, Mean: 4, Stddev: Math.sqrt(8) };
      assert.deepEqual(Samples, [{ Name: 'vault.core.handle_request', ...two, Labels: {} }]);
      mock.timers.tick(10_000);
      assert.equal((registry.summary() as Summary).Samples[0]?.Count, 1, 'the next ten seconds');
      mock.timers.tick(10_000);
      assert.deepEqual((registry.summary() as Summary).Samples, []);
    } finally {
      mock.timers.reset();
    }
  });
});

describe('the table of metrics', () => {
  const rows = Object.entries<MetricDeclaration>(METRICS);

  it('has names and labels that Prometheus takes, each once', () => {
    for (const [name, { labels }] of rows) {
      assert.match(prometheusName(name), /^(?:vault|coffer)_[A-Za-z0-9_]+$/);
      for (const label of labels) assert.match(label, /^[a-z][a-z_]*$/, name);
    }
    assert.equal(new Set(rows.map(([name]) => prometheusName(name))).size, rows.length);
  });

  it('says of our own counters that they are totals, and of our own durations that they are seconds', () => {
    for (const [name, { kind }] of rows.filter(([each]) => each.startsWith('coffer.'))) {
      if (kind === 'counter') assert.match(name, /total$/);
      assert.notEqual(kind, 'summary', name);
      if (kind === 'histogram') assert.match(name, /\.seconds$/);
    }
  });

  it("groups TTLs by Vault's bounds", () => {
    const cases: readonly (readonly [number, string])[] = [
      [0, '+Inf'],
      [1, '1m'],
      [60, '1m'],
      [61, '10m'],
      [3_600, '1h'],
      [86_401, '2d'],
      [2_592_000, '30d'],
      [2_592_001, '+Inf'],
    ];
    for (const [seconds, bucket] of cases) assert.equal(ttlBucket(seconds), bucket, String(seconds));
  });
});
