import type { GaugeValue, MetricDeclaration, MetricLabels } from '@coffer/base';
import { MAX_SERIES } from './family.ts';

type Read = () => number | readonly GaugeValue[] | undefined;

interface Source {
  readonly read: Read;
  readonly labels: MetricLabels;
}

/** What a gauge is read from. */
export class Gauges {
  readonly declaration: MetricDeclaration;
  readonly #sources = new Set<Source>();
  readonly #onRefused: () => void;

  constructor(declaration: MetricDeclaration, onRefused: () => void) {
    this.declaration = declaration;
    this.#onRefused = onRefused;
  }

  add(read: Read, labels: MetricLabels): () => void {
    const source = { read, labels };
    this.#sources.add(source);
    return () => this.#sources.delete(source);
  }

  /** Reads all of them. Of several values of one series, as while a connection is replaced, the sum counts. */
  read(): GaugeValue[] {
    const values = new Map<string, { labels: MetricLabels; value: number }>();
    for (const { read, labels } of this.#sources) {
      for (const one of valuesOf(read(), labels)) this.#put(values, one);
    }
    return [...values.values()];
  }

  #put(values: Map<string, { labels: MetricLabels; value: number }>, { labels, value }: GaugeValue): void {
    const names = this.declaration.labels;
    let own = Object.fromEntries(names.map((name) => [name, labels[name] ?? '']));
    let key = JSON.stringify(own);
    if (!values.has(key) && values.size >= MAX_SERIES) {
      this.#onRefused();
      own = Object.fromEntries(names.map((name) => [name, 'other']));
      key = JSON.stringify(own);
    }
    values.set(key, { labels: own, value: (values.get(key)?.value ?? 0) + value });
  }
}

function valuesOf(read: ReturnType<Read>, labels: MetricLabels): readonly GaugeValue[] {
  if (read === undefined) return [];
  if (typeof read === 'number') return [{ labels, value: read }];
  return read.map((one) => ({ labels: { ...labels, ...one.labels }, value: one.value }));
}
