export { openEmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts';
export type { SqlResult, SqlRow, SqlStatement, SqlValue, Store } from './store.ts';
