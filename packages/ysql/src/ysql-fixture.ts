import { createLogger, type JsonObject, type LogEntry, Secret } from '@coffer/base';
import { type Database, type NewUserRequest, openDatabase } from '@coffer/database-plugin';
import type { TestDatabase } from '@coffer/testkit';
import pg from 'pg';
import { YSQL } from './ysql-database.ts';

/** The seed's creation statements. */
export const SEED_SQL = `CREATE ROLE "{{username}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' NOINHERIT LOGIN; GRANT ALL ON DATABASE "yugabyte" TO "{{username}}";`;
/** The same, with privileges on more than the database: on the table that {@link createThings} makes. */
export const ON_TABLE_SQL = `${SEED_SQL} GRANT SELECT ON things TO "{{username}}";`;
export const USERNAME_CONFIG = { displayName: 'token', roleName: 'my-role' };

export interface Opened extends AsyncDisposable {
  readonly database: Database;
  /** What it has logged at levels warn and error. */
  readonly log: readonly LogEntry[];
}

/** An initialised Database for a test, closed at the end of the block (`await using`). */
export async function openYsql(
  target: Pick<TestDatabase, 'host' | 'port' | 'user' | 'password' | 'database'>,
  config: JsonObject = {},
): Promise<Opened> {
  const log: LogEntry[] = [];
  const database = openDatabase(
    YSQL,
    createLogger('ysql', 'warn', (entry) => log.push(entry)),
  );
  const { host, port, user: username, password, database: db } = target;
  await database.initialize({ config: { host, port, username, password, db, ...config }, verifyConnection: true });
  return { database, log, [Symbol.asyncDispose]: () => database.close() };
}

export function newUser(statements: string | readonly string[], more: Partial<NewUserRequest> = {}): NewUserRequest {
  return {
    usernameConfig: USERNAME_CONFIG,
    password: new Secret('Pass-1234-word'),
    expiration: new Date(Date.now() + 3_600_000),
    statements: typeof statements === 'string' ? [statements] : statements,
    rollbackStatements: [],
    ...more,
  };
}

/** Logs in as somebody else. Rejects as `pg` does. */
export async function logIn(
  target: Pick<TestDatabase, 'host' | 'port'>,
  user: string,
  password: string,
  database = 'yugabyte',
): Promise<pg.Client> {
  const client = new pg.Client({ host: target.host, port: target.port, user, password, database });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Creates a table on which the admin can grant privileges. */
export async function createThings(target: TestDatabase): Promise<void> {
  await target.query('CREATE TABLE things (id int)');
  await target.query(`ALTER TABLE things OWNER TO "${target.user}"`);
}

export async function roleExists(target: TestDatabase, name: string): Promise<boolean> {
  return (await target.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name])).length > 0;
}
