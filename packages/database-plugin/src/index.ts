/**
 * Vault's database plugin contract, version 5: the `Database` interface, serving one over go-plugin, reaching one in
 * another process, and the decorators that every Database wears.
 *
 * In the process: `withHostErrors(openDatabase(kind, logger))`. In a process of its own: `PluginProcess.launch(...)`, then
 * `open()`. Both answer a client alike.
 */
export { type ConnectionField, ConnectionFields } from './connection-fields.ts';
export { urlHoldsPassword } from './connection-url.ts';
export type * from './database.ts';
export { saysMayLand, withHostErrors } from './host-errors.ts';
export { type LaunchDatabaseOptions, PluginProcess } from './plugin-process.ts';
export { openDatabase, redactError } from './redaction.ts';
export { DATABASE_COOKIE, serveDatabase, type ServeDatabaseOptions } from './serve-database.ts';
export { isPluginGone, PluginGoneError } from '@coffer/go-plugin';
