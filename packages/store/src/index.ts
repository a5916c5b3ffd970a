export { openEmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts';
export { openPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
export {
  SETTLED_AFTER_MS,
  type SqlResult,
  type SqlRow,
  type SqlStatement,
  type SqlValue,
  type Store,
} from './store.ts';
