/** YugabyteDB (and PostgreSQL) users: settings, nodes, statements, and the database plugin made of them. */
export * from './failure.ts';
export * from './fields.ts';
export { checkYsqlConfig } from './settings.ts';
export { splitStatements } from './statements.ts';
export * from './tokenizer.ts';
export * from './ysql-database.ts';
