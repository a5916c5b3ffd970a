export { openEmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts';
export { examineEmbeddedStore, examinePostgresStore, type StoreFindings } from './examine-store.ts';
export { openPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
export { runRepeatable } from './run-repeatable.ts';
export type { BulkAccess, Run, SqlResult, SqlRow, SqlStatement, SqlValue, Store } from './store.ts';
export { ANY_BUCKET, bucketOf, inEveryBucket } from './buckets.ts';
export { insertRows } from './bulk.ts';
export { SCHEMA_VERSION } from './schema.ts';
export { type Column, type Table, TABLES } from './tables.ts';
