/**
 * The form of a snapshot (docs/backup.md): a tar archive (POSIX ustar), compressed with gzip, of these files in this order:
 *
 * - `meta.json`: {@link SnapshotMeta}
 * - `TABLE/000001.jsonl` and so on, the tables in the order of `meta.json`: a row in each line, as a list of its columns, bytes in base64
 * - `counts.json`: {@link TableCount} for each table
 * - `SHA256SUMS` of all of these, as `sha256sum -c` takes it
 * - `SHA256SUMS.sealed`: the digest of `SHA256SUMS`, sealed under the keys of the store that it was taken of
 *
 * The last two have the names that Vault's clients look for, to know that a snapshot has come as a whole
 * (openbao/openbao:api/sys_raft.go RaftSnapshotWithContext).
 */
import { CofferError } from '@coffer/base';

export const FORMAT = 'coffer-snapshot';
export const FORMAT_VERSION = 1;

export interface SnapshotColumn {
  readonly name: string;
  readonly type: 'text' | 'number' | 'bytes';
}

export interface SnapshotTable {
  readonly name: string;
  readonly columns: readonly SnapshotColumn[];
}

export type SnapshotRow = Readonly<Record<string, null | number | string | Uint8Array>>;

export interface SnapshotMeta {
  readonly id: string;
  /** RFC 3339. */
  readonly created: string;
  /** The version of Coffer that took it. */
  readonly version: string;
  /** The number of migrations of the store's schema. */
  readonly schema: number;
  /** `file` or `yugabytedb`; either takes a snapshot of the other. */
  readonly storage: string;
  readonly clusterName: string;
  readonly tables: readonly SnapshotTable[];
}

export interface TableCount {
  readonly name: string;
  readonly rows: number;
  /** Of the rows as they stand in the snapshot. */
  readonly bytes: number;
}

export const META = 'meta.json';
export const COUNTS = 'counts.json';
export const SUMS = 'SHA256SUMS';
export const SEALED_SUMS = 'SHA256SUMS.sealed';

/** A part is written when it has so many bytes; one with a large row has more. */
export const PART_BYTES = 1024 * 1024;
/** The largest value that can come in a request is 32 MiB: sealed, in base64, and with what stands beside it. */
export const LONGEST_FILE = 64 * 1024 * 1024;

export function partName(table: string, part: number): string {
  return `${table}/${String(part).padStart(6, '0')}.jsonl`;
}

/** What gzip files begin with that Node.js writes, up to the byte for the operating system. */
export const GZIP_BEGINNING = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);

export function damaged(problem: string): CofferError {
  return new CofferError('invalid-request', `not a snapshot, or a damaged one: ${problem}`);
}
