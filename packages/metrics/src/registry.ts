import {
  type CounterName,
  type DurationName,
  type GaugeName,
  type GaugeValue,
  type MetricDeclaration,
  type MetricLabels,
  METRICS,
  type Metrics,
  type MetricsView,
} from '@coffer/base';
import { INTERVAL_MS } from './aggregate.ts';
import { Family, type Series } from './family.ts';
import { Gauges } from './gauges.ts';
import { Exposition } from './exposition.ts';
import { summaryOf } from './summary.ts';

export interface RegistryOptions {
  /** How long a series is shown that gets nothing any more, in milliseconds. Default: a day, as in Vault. 0: nothing for Prometheus. */
  readonly retentionMs?: number;
}

const DAY_MS = 86_400_000;
const NONE: MetricLabels = {};

/**
 * The metrics of one process. What is kept is bounded: as many metrics as the table has, 500 series of each (100 of those with
 * quantiles) and one for the rest.
 */
export class Registry implements Metrics, MetricsView {
  readonly #families = new Map<string, Family>();
  readonly #gauges = new Map<string, Gauges>();
  readonly #exposition: Exposition;
  #retentionMs: number;
  /** The oldest interval that was looked at for series to forget. */
  #forgotten = 0;

  constructor({ retentionMs = DAY_MS }: RegistryOptions = {}) {
    this.#retentionMs = retentionMs;
    for (const [name, declaration] of Object.entries<MetricDeclaration>(METRICS)) {
      const refused = (): void => this.count('coffer.metrics.series_refused.total', { metric: name });
      if (declaration.kind === 'gauge') this.#gauges.set(name, new Gauges(declaration, refused));
      else this.#families.set(name, new Family(name, declaration, refused));
    }
    this.#exposition = new Exposition(this.#families, this.#gauges);
  }

  /** Takes over what the configuration says now. */
  configure({ retentionMs = DAY_MS }: RegistryOptions): void {
    this.#retentionMs = retentionMs;
  }

  count(name: CounterName, labels = NONE, by = 1): void {
    this.#touch(name, labels, by);
  }

  took(name: DurationName, ms: number, labels = NONE): void {
    const inSeconds = METRICS[name].kind === 'histogram';
    const value = inSeconds ? ms / 1000 : ms;
    const series = this.#touch(name, labels, value);
    if (inSeconds && series !== undefined) this.#exposition.observe(name, series, value);
  }

  gauge(
    name: GaugeName,
    read: () => number | readonly GaugeValue[] | undefined,
    labels: MetricLabels = NONE,
  ): () => void {
    return this.#gauges.get(name)?.add(read, labels) ?? (() => undefined);
  }

  with(labels: MetricLabels): Metrics {
    return {
      count: (name, more, by) => this.count(name, { ...labels, ...more }, by),
      took: (name, ms, more) => this.took(name, ms, more === undefined ? labels : { ...labels, ...more }),
      gauge: (name, read, more) => this.gauge(name, read, { ...labels, ...more }),
      with: (more) => this.with({ ...labels, ...more }),
    };
  }

  async prometheus(): Promise<string | undefined> {
    if (this.#retentionMs === 0) return undefined;
    this.#forget();
    return this.#exposition.text();
  }

  summary(): object {
    this.#forget();
    return summaryOf(this.#families.values(), this.#gauges);
  }

  /** The series, with the value in its interval. */
  #touch(name: string, labels: MetricLabels, value: number): Series | undefined {
    const series = this.#families.get(name)?.of(labels);
    if (series === undefined) return undefined;
    const now = Date.now();
    series.count++;
    series.sum += value;
    series.aggregates.add(value, Math.floor(now / INTERVAL_MS));
    series.recent?.add(value, now);
    return series;
  }

  /** Makes room for others: roles and mounts come and go. */
  #forget(): void {
    if (this.#retentionMs === 0) return;
    const before = Math.floor((Date.now() - this.#retentionMs) / INTERVAL_MS);
    if (before <= this.#forgotten) return;
    this.#forgotten = before;
    for (const family of this.#families.values()) {
      for (const series of family.forget(before)) this.#exposition.remove(family.name, series);
    }
  }
}
