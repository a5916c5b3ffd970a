import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CofferError, isJsonObject } from '@coffer/base';
import { BlockReader } from './block-reader.ts';
import {
  COUNTS,
  damaged,
  FORMAT,
  FORMAT_VERSION,
  GZIP_BEGINNING,
  META,
  partName,
  SEALED_SUMS,
  type SnapshotMeta,
  type SnapshotRow,
  type SnapshotTable,
  SUMS,
  type TableCount,
} from './format.ts';
import { BLOCK, paddingOf, parseTarHeader } from './tar.ts';

export interface ReadSnapshotOptions {
  /** Called once, before the rows. What it throws ends the reading. */
  readonly onMeta?: (meta: SnapshotMeta) => void;
  /** Takes the rows of a table, some at a time. What it rejects with ends the reading. */
  readonly onRows?: (table: string, rows: readonly SnapshotRow[]) => Promise<void>;
}

/** A snapshot of which all is there, and nothing else than what was written. */
export interface VerifiedSnapshot {
  readonly meta: SnapshotMeta;
  readonly counts: readonly TableCount[];
  /** The digest that the keys of its store have sealed, and what came of it. */
  readonly digest: Buffer;
  readonly sealedDigest: Buffer;
  /** Of the file, in bytes. */
  readonly size: number;
}

/**
 * Reads a snapshot from its first byte to its last. Rows are handed over before it is known whether the rest is as it should be: read
 * it once for that before anything is done with them.
 *
 * @throws CofferError `invalid-request` for what is no snapshot, was cut off or altered, or is of a newer form
 */
export async function readSnapshot(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadSnapshotOptions = {},
): Promise<VerifiedSnapshot> {
  let size = 0;
  const source = Readable.from(counted(bytes, (length) => (size += length)));
  const gunzip = createGunzip();
  // Where the source fails, so does what reads from it; and it ends when nobody reads any more.
  source.once('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    const snapshot = await new Archive(new BlockReader(gunzip), options).read();
    return { ...snapshot, size };
  } catch (thrown) {
    throw isOfZlib(thrown) ? damaged(`its compression: ${thrown.message}`) : thrown;
  } finally {
    gunzip.destroy();
    source.destroy();
  }
}

async function* counted(bytes: AsyncIterable<Uint8Array>, count: (length: number) => void) {
  let beginning = Buffer.alloc(0);
  for await (const chunk of bytes) {
    count(chunk.length);
    if (beginning.length < GZIP_BEGINNING.length) {
      beginning = Buffer.concat([beginning, chunk.subarray(0, GZIP_BEGINNING.length - beginning.length)]);
      if (!GZIP_BEGINNING.subarray(0, beginning.length).equals(beginning)) {
        throw damaged('it does not start like one');
      }
    }
    yield chunk;
  }
  if (beginning.length < GZIP_BEGINNING.length) throw damaged('it ends too early');
}

function isOfZlib(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'code' in thrown && /^Z_|^ERR_(?:_ERROR|BUFFER_OUT)/.test(String(thrown.code));
}

/** The files of the archive, which stand in one order only. */
class Archive {
  readonly #blocks: BlockReader;
  readonly #options: ReadSnapshotOptions;
  readonly #sums: string[] = [];
  readonly #counts = new Map<string, { rows: number; bytes: number }>();

  constructor(blocks: BlockReader, options: ReadSnapshotOptions) {
    this.#blocks = blocks;
    this.#options = options;
  }

  async read(): Promise<Omit<VerifiedSnapshot, 'size'>> {
    const meta = parseMeta(await this.#required(META));
    this.#options.onMeta?.(meta);
    const counts = parseCounts(await this.#rows(meta), meta);
    for (const { name, rows, bytes } of counts) {
      const found = this.#counts.get(name) ?? { rows: 0, bytes: 0 };
      if (found.rows !== rows || found.bytes !== bytes) throw damaged(`the table "${name}" is not complete`);
    }
    const expected = Buffer.from(this.#sums.join(''));
    const sums = await this.#required(SUMS);
    if (!sums.equals(expected)) throw damaged('the checksums do not match: it was altered');
    const sealedDigest = await this.#required(SEALED_SUMS);
    if ((await this.#next()) !== undefined) throw damaged('it has unexpected data');
    await this.#blocks.expectEnd();
    return { meta, counts, digest: createHash('sha256').update(sums).digest(), sealedDigest };
  }

  /** Passes the rows on. Returns the content of the file behind them. */
  async #rows({ tables }: SnapshotMeta): Promise<Buffer> {
    let [table, ...further] = tables;
    for (let part = 1; ; ) {
      const file = await this.#next();
      if (file === undefined) throw damaged('it ends too early');
      if (file.name === COUNTS) return file.content;
      while (table !== undefined && file.name !== partName(table.name, part)) {
        [table, ...further] = further;
        part = 1;
      }
      if (table === undefined) throw damaged(`it has a file ${JSON.stringify(file.name)} that does not belong there`);
      part++;
      await this.#pass(table, file.content);
    }
  }

  async #pass(table: SnapshotTable, content: Buffer): Promise<void> {
    const lines = content.toString('utf8').split('\n');
    if (lines.pop() !== '') throw damaged('a row was cut off');
    const rows = lines.map((line) => parseRow(line, table));
    const count = this.#counts.get(table.name) ?? { rows: 0, bytes: 0 };
    this.#counts.set(table.name, { rows: count.rows + rows.length, bytes: count.bytes + content.length });
    await this.#options.onRows?.(table.name, rows);
  }

  async #required(name: string): Promise<Buffer> {
    const file = await this.#next();
    if (file?.name !== name) throw damaged(`"${name}" is missing`);
    return file.content;
  }

  async #next(): Promise<{ readonly name: string; readonly content: Buffer } | undefined> {
    const header = parseTarHeader(await this.#blocks.read(BLOCK));
    if (header === undefined) {
      if (parseTarHeader(await this.#blocks.read(BLOCK)) !== undefined) throw damaged('it has data after its end');
      return undefined;
    }
    const { name, size } = header;
    const content = await this.#blocks.read(size);
    const padding = await this.#blocks.read(paddingOf(size));
    if (padding.some((byte) => byte !== 0)) throw damaged('it has data between its files');
    this.#sums.push(`${createHash('sha256').update(content).digest('hex')}  ${name}\n`);
    return { name, content };
  }
}

function parseMeta(content: Buffer): SnapshotMeta {
  const meta = parseObject(content, META);
  if (meta['format'] !== FORMAT) throw damaged(`${META} describes something else`);
  if (meta['format_version'] !== FORMAT_VERSION) {
    throw new CofferError(
      'invalid-request',
      `the snapshot has form ${JSON.stringify(meta['format_version'])}, and this Coffer knows ${FORMAT_VERSION}: use a newer one`,
    );
  }
  const text = (name: string): string => {
    const value = meta[name];
    if (typeof value === 'string') return value;
    throw damaged(`${META} lacks "${name}"`);
  };
  const { schema, tables } = meta;
  if (!Number.isSafeInteger(schema) || !Array.isArray(tables)) throw damaged(`${META} lacks "schema" or "tables"`);
  return {
    id: text('id'),
    created: text('created'),
    version: text('version'),
    schema: Number(schema),
    storage: text('storage'),
    clusterName: text('clusterName'),
    tables: tables.map(parseTable),
  };
}

function parseTable(value: unknown): SnapshotTable {
  const { name, columns } = fieldsOf(value);
  if (typeof name !== 'string' || !/^[a-z_]{1,60}$/.test(name) || !Array.isArray(columns)) {
    throw damaged(`${META} has a table without a name or columns`);
  }
  return {
    name,
    columns: columns.map((column: unknown) => {
      const { name: columnName, type } = fieldsOf(column);
      if (typeof columnName === 'string' && (type === 'text' || type === 'number' || type === 'bytes')) {
        return { name: columnName, type };
      }
      throw damaged(`${META} has a column without a name or type`);
    }),
  };
}

function parseCounts(content: Buffer, { tables }: SnapshotMeta): readonly TableCount[] {
  const counts = parseJson(content, COUNTS);
  if (!Array.isArray(counts) || counts.length !== tables.length) throw damaged(`${COUNTS} has other tables`);
  return counts.map((count: unknown, index) => {
    const { name, rows, bytes } = fieldsOf(count);
    if (name !== tables[index]?.name || !Number.isSafeInteger(rows) || !Number.isSafeInteger(bytes)) {
      throw damaged(`${COUNTS} has other tables`);
    }
    return { name: String(name), rows: Number(rows), bytes: Number(bytes) };
  });
}

function parseRow(line: string, { name, columns }: SnapshotTable): SnapshotRow {
  const values = parseJson(Buffer.from(line), name);
  if (!Array.isArray(values) || values.length !== columns.length) throw damaged(`a row of "${name}" has other columns`);
  return Object.fromEntries(
    columns.map((column, index): [string, SnapshotRow[string]] => {
      const value: unknown = values[index];
      if (value === null) return [column.name, null];
      if (column.type === 'number' && Number.isSafeInteger(value)) return [column.name, Number(value)];
      if (column.type === 'text' && typeof value === 'string') return [column.name, value];
      if (column.type === 'bytes' && typeof value === 'string') return [column.name, Buffer.from(value, 'base64')];
      throw damaged(`a row of "${name}" has something else for "${column.name}"`);
    }),
  );
}

/** What a value that may be anything has of these. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(value) ? value : {};
}

function parseObject(content: Buffer, name: string): Readonly<Record<string, unknown>> {
  const value = parseJson(content, name);
  if (!isJsonObject(value)) throw damaged(`${name} is not an object`);
  return value;
}

function parseJson(content: Buffer, name: string): unknown {
  try {
    const value: unknown = JSON.parse(content.toString('utf8'));
    return value;
  } catch {
    throw damaged(`${name} is not JSON`);
  }
}
