/** YugabyteDB (and PostgreSQL) users: settings, nodes, statements, and the database plugin made of them. */
export * from './connection/failure.ts';
export * from './settings/fields.ts';
export { checkYsqlConfig } from './settings/settings.ts';
export { splitStatements } from './sql/statements.ts';
export * from './sql/tokenizer.ts';
export * from './ysql-database.ts';
