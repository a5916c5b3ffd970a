import type { METRICS } from './metric-table.ts';

type Table = typeof METRICS;
type NamesOf<K> = { [N in keyof Table]: Table[N]['kind'] extends K ? N : never }[keyof Table];

export type CounterName = NamesOf<'counter'>;
/** Durations: `summary` in milliseconds, as Vault's are, `histogram` in seconds, as Prometheus wants them. */
export type DurationName = NamesOf<'summary' | 'histogram'>;
export type GaugeName = NamesOf<'gauge'>;

/** By the names that the metric declares. One that is absent is empty, one that it does not declare is left out. */
export type MetricLabels = Readonly<Record<string, string>>;

export interface GaugeValue {
  readonly labels: MetricLabels;
  readonly value: number;
}

/**
 * Takes what happens, for whoever watches the server. Nothing here throws or waits, and none of it changes what is done. Label values
 * must be few: names of mounts, connections and roles, words of ours, SQLSTATEs; never what a caller sends, never a secret.
 */
export interface Metrics {
  count(name: CounterName, labels?: MetricLabels, by?: number): void;
  /** `ms`: how long something took, in milliseconds whatever the unit that it is shown in. */
  took(name: DurationName, ms: number, labels?: MetricLabels): void;
  /**
   * A value that is read each time when somebody looks, at once and without cost; undefined where nothing is known. Of several that
   * read the same series the values are added. Returns what ends that.
   */
  gauge(name: GaugeName, read: () => number | readonly GaugeValue[] | undefined, labels?: MetricLabels): () => void;
  /** The same, with labels for all that is counted by it. */
  with(labels: MetricLabels): Metrics;
}

/** Nobody watches. */
export const NO_METRICS: Metrics = {
  count: () => undefined,
  took: () => undefined,
  gauge: () => () => undefined,
  with: () => NO_METRICS,
};

/** Runs `work` and tells how long it took, however it ended. */
export async function timed<T>(
  metrics: Metrics,
  name: DurationName,
  work: () => Promise<T>,
  labels?: MetricLabels,
): Promise<T> {
  if (metrics === NO_METRICS) return work();
  const begin = performance.now();
  try {
    return await work();
  } finally {
    metrics.took(name, performance.now() - begin, labels);
  }
}

/** Of a gauge with the label `state`. */
export function statesOf(counts: Readonly<Record<string, number>>): GaugeValue[] {
  return Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
}

/** What those who look see of the metrics. */
export interface MetricsView {
  /** Prometheus' text format 0.0.4; undefined where the configuration has turned it off. */
  prometheus(): Promise<string | undefined>;
  /** The latest ten seconds that are over, as go-metrics shows them and Vault's API with it. */
  summary(): object;
}
