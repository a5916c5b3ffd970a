/** The dashboard, the alert rules and the page of metrics name what there is, and nothing else. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { METRICS, type MetricDeclaration, prometheusName } from '@coffer/base';
import { parse } from 'yaml';
import { parseServerConfig } from '../../apps/coffer/src/config/server-config.ts';
import { executedBlocks } from '../documentation.ts';

const root = resolve(import.meta.dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const SUFFIXES: Readonly<Record<MetricDeclaration['kind'], readonly string[]>> = {
  counter: [''],
  gauge: [''],
  summary: ['', '_sum', '_count'],
  histogram: ['_bucket', '_sum', '_count'],
};
/** By prom-client, and by Prometheus itself. */
const OF_OTHERS = ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'up'];
const OF_SCRAPE = ['job', 'instance'];

/** Every series name that there can be, with its labels. */
const SERIES = new Map<string, ReadonlySet<string>>(OF_OTHERS.map((name) => [name, new Set(OF_SCRAPE)]));
for (const [name, { kind, labels }] of Object.entries<MetricDeclaration>(METRICS)) {
  for (const suffix of SUFFIXES[kind]) {
    const more = suffix === '_bucket' ? ['le'] : kind === 'summary' && suffix === '' ? ['quantile'] : [];
    SERIES.set(prometheusName(name) + suffix, new Set([...OF_SCRAPE, ...labels, ...more]));
  }
}

const FUNCTIONS = [
  'rate',
  'increase',
  'sum',
  'max',
  'by',
  'histogram_quantile',
  'and',
  'ignoring',
  'group_left',
  'label_values',
];

/** What in an expression is wrong: names that no metric has, and labels that its metrics have not. */
function faultsOf(expression: string): string[] {
  const faults: string[] = [];
  const labels = new Set<string>();
  const plain = expression.replaceAll(/(\w+)\{([^{}]*)\}/g, (_, name: string, selector: string) => {
    for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (SERIES.get(name)?.has(label) !== true) faults.push(`${name} has no label ${label}`);
    }
    return name;
  });
  const bare = plain.replaceAll(/"[^"]*"|\[[^\]]*\]/g, '');
  const names = bare.replaceAll(/\b(?:by|ignoring)\s*\(([^)]*)\)/g, (_, list: string) => {
    for (const label of list.split(',')) labels.add(label.trim());
    return '';
  });
  const used = [...names.matchAll(/[a-zA-Z_]\w*/g)].map(([name]) => name).filter((name) => !FUNCTIONS.includes(name));
  for (const name of used) if (!SERIES.has(name)) faults.push(`there is no ${name}`);
  for (const label of labels) {
    if (!used.some((name) => SERIES.get(name)?.has(label))) faults.push(`${used.join(', ')} has no label ${label}`);
  }
  return faults;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const rules = (parse(read('deploy/prometheus-alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(read('deploy/grafana-dashboard.json')) as {
  panels: Panel[];
  templating: { list: { name: string; query: string }[] };
};

describe('what is wrong with an expression', () => {
  it('is found', () => {
    assert.deepEqual(faultsOf('rate(coffer_leases_total[5m]) > 0'), ['there is no coffer_leases_total']);
    assert.deepEqual(faultsOf('coffer_leases{role="a"}'), ['coffer_leases has no label role']);
    assert.deepEqual(faultsOf('sum by (role) (coffer_leases)'), ['coffer_leases has no label role']);
    assert.deepEqual(faultsOf('coffer_store_seconds'), ['there is no coffer_store_seconds']);
    assert.deepEqual(faultsOf('max by (job, mount_point) (coffer_leases{mount_point=~"a.+"}) > 1'), []);
  });
});

describe('the alert rules', () => {
  it('name metrics and labels that there are', () => {
    assert.ok(rules.length >= 15);
    for (const { alert, expr } of rules) assert.deepEqual(faultsOf(expr), [], alert);
  });

  it('say how bad it is, what it is, and for how long, each under a name of its own', () => {
    for (const rule of rules) {
      assert.match(rule.alert, /^Coffer[A-Za-z]+$/);
      assert.match(rule.for, /^\d+m$/, rule.alert);
      assert.match(rule.labels.severity, /^(?:critical|warning)$/, rule.alert);
      assert.ok(rule.annotations.summary !== '' && rule.annotations.description !== '', rule.alert);
      for (const [, label = ''] of Object.values(rule.annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g)) {
        // What it is grouped by, or all labels of what it looks at.
        assert.ok(!rule.expr.includes(' by ') || rule.expr.includes(label), `${rule.alert} has no label ${label}`);
      }
    }
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  });

  it('are all explained on the page of metrics', () => {
    const page = read('docs/observability.md');
    for (const { alert } of rules) assert.ok(page.includes(`\`${alert}\``), alert);
    for (const [, name = ''] of page.matchAll(/`(Coffer[A-Z]\w+)`/g)) {
      assert.ok(
        rules.some(({ alert }) => alert === name),
        `there is no alert ${name}`,
      );
    }
  });

  it('pass promtool', { skip: process.env['PROMTOOL'] === undefined && 'PROMTOOL names no promtool' }, () => {
    const promtool = process.env['PROMTOOL'] ?? '';
    execFileSync(promtool, ['check', 'rules', join(root, 'deploy/prometheus-alerts.yaml')]);
    execFileSync(promtool, ['check', 'config', '--syntax-only', join(root, 'deploy/prometheus.yaml')]);
  });
});

describe('the dashboard', () => {
  it('names metrics and labels that there are', () => {
    const targets = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    assert.ok(targets.length >= 30);
    for (const { title, expr } of targets) {
      assert.deepEqual(faultsOf(expr.replaceAll('$__rate_interval', '5m')), [], title);
    }
    for (const { name, query } of dashboard.templating.list.filter((each) => each.query.includes('('))) {
      const [, series = ''] = /label_values\((\w+)/.exec(query) ?? [];
      assert.ok(SERIES.has(series), name);
    }
  });

  it('has its panels side by side', () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x},${y}`), `${title} lies over another`);
          taken.add(`${x},${y}`);
        }
      }
    }
    assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  });

  it('legends show labels that the series have', () => {
    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          const grouped = [...expr.matchAll(/ by \(([^)]*)\)/g)].map(([, list = '']) => list).join(', ');
          const isThere = grouped === '' ? OF_SCRAPE.includes(label) : grouped.split(', ').includes(label);
          assert.ok(isThere, `${title}: ${label}`);
        }
      }
    }
  });
});

describe('the sample for Prometheus', () => {
  it('fetches sys/metrics as Prometheus, and loads the alert rules', () => {
    const config = parse(read('deploy/prometheus.yaml')) as {
      rule_files: string[];
      scrape_configs: { job_name: string; metrics_path: string; params: { format: string[] } }[];
    };
    const [scrape] = config.scrape_configs;
    assert.deepEqual(config.rule_files, ['prometheus-alerts.yaml']);
    assert.equal(scrape?.job_name, 'coffer', 'the alert rules say so');
    assert.equal(scrape?.metrics_path, '/v1/sys/metrics');
    assert.deepEqual(scrape?.params.format, ['prometheus']);
  });
});

describe('the page of metrics', () => {
  it('shows a configuration that is read', () => {
    const rest = 'listener "tcp" { address = "127.0.0.1:0", tls_disable = true }\nstorage "file" { path = "/x" }';
    const [stanza, ...others] = executedBlocks('docs/observability.md', import.meta.filename);
    const { telemetry } = parseServerConfig(`${rest}\n${stanza?.text ?? ''}`, 'page');
    assert.deepEqual(telemetry, { retentionMs: 86_400_000, usagePeriodMs: 600_000, warnings: [] });
    assert.deepEqual(others, []);
  });

  it('has a row for each metric, with its kind and labels', () => {
    const page = read('docs/observability.md');
    const rows = [...page.matchAll(/^\| `((?:vault|coffer)[\w.-]+)` \| (\w+) \| (.*?) \| (.*) \|$/gm)];
    const documented = rows.map(([, name, kind, labels, help]) => [name, kind, labels, help]);
    const declared = Object.entries<MetricDeclaration>(METRICS).map(([name, { kind, labels, help }]) => [
      name,
      kind,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]);
    assert.deepEqual(documented, declared);
  });
});
