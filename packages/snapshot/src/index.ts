/** The file of a snapshot: written and read as a stream, so that it may be larger than the memory. Knows no store and no keys. */
export {
  damaged,
  FORMAT_VERSION,
  type SnapshotColumn,
  type SnapshotMeta,
  type SnapshotRow,
  type SnapshotTable,
  type TableCount,
} from './format.ts';
export { readSnapshot, type ReadSnapshotOptions, type VerifiedSnapshot } from './read-snapshot.ts';
export { SnapshotWriter, type SnapshotWriterOptions } from './snapshot-writer.ts';
export { Spool } from './spool.ts';
