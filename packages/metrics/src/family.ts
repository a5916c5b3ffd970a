import type { MetricDeclaration, MetricLabels } from '@coffer/base';
import { Aggregates } from './aggregate.ts';
import { Recent } from './recent.ts';

/** Series of one metric. What comes beyond goes into one more. */
export const MAX_SERIES = 500;
/** The same of one that shows quantiles: a series keeps up to 16 kB. */
const MAX_SUMMARIES = 100;
/** Names of mounts and roles are shorter. */
const LONGEST_VALUE = 256;
const OTHER = 'other';

export interface Series {
  readonly labels: MetricLabels;
  readonly aggregates: Aggregates;
  /** How often it got a value, and all of them together. */
  count: number;
  sum: number;
  /** Of a summary. */
  readonly recent: Recent | undefined;
}

/** The series of one metric, by the values of its labels. */
export class Family {
  readonly name: string;
  readonly declaration: MetricDeclaration;
  readonly #series = new Map<string, Series>();
  readonly #onRefused: () => void;

  /** `onRefused`: there was no room for a new series. */
  constructor(name: string, declaration: MetricDeclaration, onRefused: () => void) {
    this.name = name;
    this.declaration = declaration;
    this.#onRefused = onRefused;
  }

  get series(): Iterable<Series> {
    return this.#series.values();
  }

  /** The series that these labels mean. */
  of(labels: MetricLabels): Series {
    const names = this.declaration.labels;
    let key = '';
    for (const name of names) key += `${labels[name] ?? ''}\0`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const room = this.declaration.kind === 'summary' ? MAX_SUMMARIES : MAX_SERIES;
    if (this.#series.size >= room && names.length > 0) {
      this.#onRefused();
      return this.#other();
    }
    return this.#make(key, (name) => (labels[name] ?? '').slice(0, LONGEST_VALUE));
  }

  /** Forgets those that have got nothing since that interval, and tells which. */
  forget(before: number): Series[] {
    const old = [...this.#series].filter(([, { aggregates }]) => aggregates.touched < before);
    for (const [key] of old) this.#series.delete(key);
    return old.map(([, series]) => series);
  }

  #other(): Series {
    const key = '\0other';
    return this.#series.get(key) ?? this.#make(key, () => OTHER);
  }

  #make(key: string, valueOf: (label: string) => string): Series {
    const labels = Object.fromEntries(this.declaration.labels.map((name) => [name, valueOf(name)]));
    const recent = this.declaration.kind === 'summary' ? new Recent() : undefined;
    const series = { labels, aggregates: new Aggregates(), count: 0, sum: 0, recent };
    this.#series.set(key, series);
    return series;
  }
}
