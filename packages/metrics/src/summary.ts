import { type MetricLabels } from '@coffer/base';
import { type Aggregate, INTERVAL_MS } from './aggregate.ts';
import type { Family } from './family.ts';
import type { Gauges } from './gauges.ts';

/** As go-metrics shows them (github.com/hashicorp/go-metrics:inmem_endpoint.go MetricsSummary), and Vault's `sys/metrics`. */
interface Shown {
  readonly Name: string;
  readonly Labels: MetricLabels;
}

/** The interval that ended last; counters and samples that got nothing in it are not there. */
export function summaryOf(families: Iterable<Family>, gauges: ReadonlyMap<string, Gauges>, now = Date.now()): object {
  const interval = Math.floor(now / INTERVAL_MS) - 1;
  const counters: object[] = [];
  const samples: object[] = [];
  for (const { name, declaration, series } of families) {
    const into = declaration.kind === 'counter' ? counters : samples;
    for (const { labels, aggregates } of series) {
      const aggregate = aggregates.of(interval);
      if (aggregate !== undefined) into.push(shown({ Name: name, Labels: labels }, aggregate));
    }
  }
  return {
    Timestamp: timestampOf(interval),
    Gauges: [...gauges].flatMap(([Name, source]) =>
      source.read().map(({ labels, value }) => ({ Name, Value: value, Labels: labels })),
    ),
    Points: [],
    Counters: counters,
    Samples: samples,
  };
}

function shown({ Name, Labels }: Shown, { count, sum, sumOfSquares, min, max }: Aggregate): object {
  const variance = count < 2 ? 0 : (count * sumOfSquares - sum * sum) / (count * (count - 1));
  return {
    Name,
    Count: count,
    Rate: sum / (INTERVAL_MS / 1000),
    Sum: sum,
    Min: min,
    Max: max,
    Mean: sum / count,
    Stddev: Math.sqrt(Math.max(0, variance)),
    Labels,
  };
}

/** Go's `2006-01-02 15:04:05 -0700 MST`, of the beginning of the interval. */
function timestampOf(interval: number): string {
  const text = new Date(interval * INTERVAL_MS).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} +0000 UTC`;
}
