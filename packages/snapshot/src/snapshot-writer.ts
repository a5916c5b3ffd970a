import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createGzip, type Gzip } from 'node:zlib';
import { CofferError } from '@coffer/base';
import {
  COUNTS,
  FORMAT,
  FORMAT_VERSION,
  META,
  PART_BYTES,
  partName,
  SEALED_SUMS,
  type SnapshotMeta,
  type SnapshotRow,
  type SnapshotTable,
  SUMS,
  type TableCount,
} from './format.ts';
import { END_OF_ARCHIVE, paddingOf, tarHeader } from './tar.ts';

/** Sealed values do not get smaller: what compresses well does so at the lowest level. */
const LEVEL = 1;

export interface SnapshotWriterOptions {
  readonly meta: SnapshotMeta;
  /** Takes the bytes in order; more are made when it has resolved. */
  readonly take: (bytes: Uint8Array) => Promise<void>;
  /** Seals a SHA-256 digest so that it can be told later who has taken the snapshot. */
  readonly seal: (digest: Buffer) => Uint8Array;
}

/** Writes one snapshot: {@link add} for the rows, table after table, then {@link finish}. Never holds more than some MiB. */
export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  readonly #gzip: Gzip = createGzip({ level: LEVEL });
  readonly #taking: Promise<void>;
  readonly #time: number;
  readonly #sums: string[] = [];
  readonly #counts: Map<string, { rows: number; bytes: number }>;
  #table: SnapshotTable | undefined;
  #part = 0;
  #lines: string[] = [];
  #length = 0;
  #failure: Error | undefined;

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
    this.#time = Math.floor(Date.parse(options.meta.created) / 1000);
    this.#counts = new Map(options.meta.tables.map(({ name }) => [name, { rows: 0, bytes: 0 }]));
    this.#taking = this.#passOn();
    // Whoever writes next is told.
    this.#taking.catch((error: unknown) => {
      this.#failure = CofferError.from(error);
      this.#gzip.destroy();
    });
  }

  /** The rows of one table after the other. @throws what `take` has rejected with */
  async add(table: string, rows: readonly SnapshotRow[]): Promise<void> {
    if (this.#table?.name !== table) await this.#begin(table);
    const columns = this.#table?.columns ?? [];
    const count = this.#counts.get(table);
    for (const row of rows) {
      const line = lineOf(row, columns);
      this.#lines.push(line);
      this.#length += line.length;
      if (count !== undefined) count.rows++;
      if (this.#length >= PART_BYTES) await this.#endPart();
    }
  }

  /** Resolves when everything has been taken. */
  async finish(): Promise<readonly TableCount[]> {
    await this.#begin(undefined);
    if (this.#sums.length === 0) await this.#writeMeta();
    const counts = [...this.#counts].map(([name, count]) => ({ name, ...count }));
    await this.#file(COUNTS, Buffer.from(`${JSON.stringify(counts)}\n`));
    const sums = Buffer.from(this.#sums.join(''));
    await this.#file(SUMS, sums);
    await this.#file(SEALED_SUMS, Buffer.from(this.#options.seal(createHash('sha256').update(sums).digest())));
    await this.#write(END_OF_ARCHIVE);
    this.#gzip.end();
    await this.#taking;
    return counts;
  }

  /** Ends what is half-written. Does nothing after {@link finish}. */
  async abandon(): Promise<void> {
    this.#gzip.destroy();
    await this.#taking.catch(() => undefined);
  }

  async #passOn(): Promise<void> {
    for await (const chunk of this.#gzip) await this.#options.take(chunk as Buffer);
  }

  async #begin(table: string | undefined): Promise<void> {
    if (this.#sums.length === 0) await this.#writeMeta();
    await this.#endPart();
    this.#table = this.#options.meta.tables.find(({ name }) => name === table);
    this.#part = 0;
  }

  async #writeMeta(): Promise<void> {
    const meta = { format: FORMAT, format_version: FORMAT_VERSION, ...this.#options.meta };
    await this.#file(META, Buffer.from(`${JSON.stringify(meta)}\n`));
  }

  async #endPart(): Promise<void> {
    if (this.#table === undefined || this.#lines.length === 0) return;
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#length = 0;
    const count = this.#counts.get(this.#table.name);
    if (count !== undefined) count.bytes += bytes.length;
    await this.#file(partName(this.#table.name, ++this.#part), bytes);
  }

  async #file(name: string, bytes: Buffer): Promise<void> {
    this.#sums.push(`${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`);
    await this.#write(tarHeader({ name, size: bytes.length }, this.#time));
    await this.#write(bytes);
    await this.#write(Buffer.alloc(paddingOf(bytes.length)));
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#gzip.write(bytes)) return;
    await Promise.race([once(this.#gzip, 'drain'), this.#taking]);
  }
}

function lineOf(row: SnapshotRow, columns: SnapshotTable['columns']): string {
  const values = columns.map(({ name, type }) => {
    const value = row[name] ?? null;
    return type === 'bytes' && value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  });
  return `${JSON.stringify(values)}\n`;
}
