/** The database plugin for users of YugabyteDB (and PostgreSQL), and what others need of its settings and SQL. */
export * from './settings/fields.ts';
export { mergeYsqlConfig } from './settings/merge.ts';
export { checkYsqlConfig } from './settings/settings.ts';
export * from './sql/tokenizer.ts';
export * from './ysql-database.ts';
