/** Prometheus' text format, read as strictly as Prometheus does. */
import assert from 'node:assert/strict';

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)",?/gy;

export class Scrape {
  readonly types = new Map<string, string>();
  readonly #samples = new Map<string, number>();

  constructor(text: string) {
    assert.ok(text.endsWith('\n'), 'the last line has an end');
    for (const line of text.split('\n')) {
      const type = /^# TYPE (\S+) (counter|gauge|summary|histogram)$/.exec(line);
      if (type !== null) {
        assert.ok(!this.types.has(type[1] ?? ''), `twice: ${line}`);
        this.types.set(type[1] ?? '', type[2] ?? '');
      } else if (line !== '' && !line.startsWith('# HELP ')) this.#add(line);
    }
  }

  has(name: string, labels: Record<string, string> = {}): boolean {
    return this.#samples.has(keyOf(name, labels));
  }

  /** 0 for a series that is not there. */
  value(name: string, labels: Record<string, string> = {}): number {
    return this.#samples.get(keyOf(name, labels)) ?? 0;
  }

  #add(line: string): void {
    const [, name = '', inside = '', value = ''] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
    const labels: Record<string, string> = {};
    let end = 0;
    for (const match of inside.matchAll(LABEL)) {
      labels[match[1] ?? ''] = match[2] ?? '';
      end = match.index + match[0].length;
    }
    assert.equal(end, inside.length, `labels that cannot be read: ${line}`);
    const key = keyOf(name, labels);
    assert.ok(!this.#samples.has(key), `twice: ${line}`);
    assert.ok(/^nan$/i.test(value) || /^[+-]?Inf$/.test(value) || Number.isFinite(Number(value)), line);
    this.#samples.set(key, Number(value));
  }
}

function keyOf(name: string, labels: Record<string, string>): string {
  return `${name}${JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`;
}
