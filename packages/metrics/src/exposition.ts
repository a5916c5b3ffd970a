import { prometheusName } from '@coffer/base';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry as Prometheus, Summary } from 'prom-client';
import type { Family, Series } from './family.ts';
import type { Gauges } from './gauges.ts';

/** Vault's quantiles (github.com/hashicorp/go-metrics:prometheus/prometheus.go). */
const QUANTILES = [0.5, 0.9, 0.99];
/** In seconds, from an index look-up to the longest that anybody waits. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** How often the event loop is looked at, in milliseconds. Each look wakes the process. */
const LAG_MS = 100;

let processMetrics: Prometheus | undefined;

/** What every program with prom-client says of its process. It watches for as long as that lives. */
function ofProcess(): Prometheus {
  if (processMetrics !== undefined) return processMetrics;
  processMetrics = new Prometheus();
  collectDefaultMetrics({ register: processMetrics, eventLoopMonitoringPrecision: LAG_MS });
  return processMetrics;
}

/** What Prometheus sees, in its text format 0.0.4. Durations are kept here, the rest is read when somebody looks. */
export class Exposition {
  readonly #prometheus = new Prometheus();
  readonly #histograms = new Map<string, Histogram>();

  constructor(families: ReadonlyMap<string, Family>, gauges: ReadonlyMap<string, Gauges>) {
    const registers = [this.#prometheus];
    for (const [name, family] of families) {
      const { kind, labels, help } = family.declaration;
      const common = { name: prometheusName(name), help, labelNames: [...labels], registers };
      if (kind === 'counter') addCounter(common, family);
      else if (kind === 'summary') addSummary(common, family);
      else this.#histograms.set(name, new Histogram({ ...common, buckets: BUCKETS }));
    }
    for (const [name, source] of gauges) {
      const { labels, help } = source.declaration;
      const gauge: Gauge = new Gauge({
        ...{ name: prometheusName(name), help, labelNames: [...labels], registers },
        collect: () => {
          gauge.reset();
          // Where nothing is known, 0 would be wrong.
          if (labels.length === 0) gauge.remove();
          for (const { labels: own, value } of source.read()) gauge.set(own, value);
        },
      });
    }
    ofProcess();
  }

  observe(name: string, { labels }: Series, value: number): void {
    this.#histograms.get(name)?.observe(labels, value);
  }

  remove(name: string, { labels }: Series): void {
    this.#histograms.get(name)?.remove(labels);
  }

  async text(): Promise<string> {
    return `${await this.#prometheus.metrics()}\n${await ofProcess().metrics()}`;
  }
}

interface Common {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Prometheus[];
}

function addCounter(common: Common, family: Family): void {
  const counter: Counter = new Counter({
    ...common,
    collect: () => {
      counter.reset();
      for (const { labels, sum } of family.series) counter.inc(labels, sum);
    },
  });
}

/** With what was kept for it: the digest of `prom-client` costs more than all the rest of counting. */
function addSummary(common: Common, family: Family): void {
  const summary = new Summary({ ...common, percentiles: QUANTILES });
  const declared = summary.get.bind(summary);
  summary.get = async () => ({ ...(await declared()), values: [...family.series].flatMap(valuesOf) });

  function valuesOf({ labels, count, sum, recent }: Series) {
    const values = recent?.quantiles(QUANTILES, Date.now()) ?? [];
    return [
      ...QUANTILES.map((quantile, at) => ({ labels: { quantile, ...labels }, value: values[at] ?? Number.NaN })),
      { metricName: `${common.name}_sum`, labels, value: sum },
      { metricName: `${common.name}_count`, labels, value: count },
    ];
  }
}
