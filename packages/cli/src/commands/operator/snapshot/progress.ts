import type { Ui } from '../../../ui.ts';

const EVERY_MS = 2_000;

/** Says from time to time how far a transfer has come. */
export class Progress {
  readonly #ui: Ui;
  readonly #what: string;
  readonly #total: number | undefined;

  /** `what`: `saved`, `sent`. `total`: in bytes, where it is known. */
  constructor(ui: Ui, what: string, total?: number) {
    this.#ui = ui;
    this.#what = what;
    this.#total = total;
  }

  /** The same chunks, counted as they are taken. */
  async *of(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    let next = Date.now() + EVERY_MS;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
      if (Date.now() < next) continue;
      next = Date.now() + EVERY_MS;
      const part = this.#total === undefined ? '' : ` of ${sizeText(this.#total)}`;
      this.#ui.warn(`==> ${sizeText(bytes)}${part} ${this.#what}`);
    }
  }
}

export function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}
