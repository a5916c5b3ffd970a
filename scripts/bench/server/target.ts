/** The database in which every server makes its logins, and what it can do by itself. */
import type { JsonObject } from '@coffer/base';
import { eventually, startPostgres, type TestPostgres } from '@coffer/testkit';
import { SEED_CREATION } from '../../../tests/dev-server.ts';
import { dropTogether } from '../lease-burst.ts';
import { pgbenchRate } from '../pgbench.ts';

export type Method = 'scram' | 'md5';
export type Shape = 'seed' | 'IN ROLE';

const METHODS: Readonly<Record<Method, string>> = { scram: 'scram-sha-256', md5: 'md5' };
const IN_ROLE = `CREATE ROLE "{{name}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' LOGIN IN ROLE app;`;
/** Creation statements of each shape, which is also the role that has them. */
export const SHAPES: Readonly<Record<Shape, { readonly role: string; readonly statements: string }>> = {
  seed: { role: 'seed', statements: SEED_CREATION },
  'IN ROLE': { role: 'in-role', statements: IN_ROLE },
};
/** Its leases are revoked together, so it has none but them. */
export const REVOKED_ROLE = 'revoked';
export const STATIC_ROLE = 'reporting';
export const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '128MB' };
/** Roles dropped in one transaction: each takes a lock, of which there is no end of room. */
const DROPPED = 1000;

export class Target {
  readonly database: TestPostgres;
  #method: Method | undefined;

  private constructor(database: TestPostgres) {
    this.database = database;
  }

  static async start(): Promise<Target> {
    // `md5` takes passwords of either kind for a proof, by how they are stored (postgres:src/backend/libpq/auth.c).
    const database = await startPostgres({ authMethod: 'md5', settings: { ...DURABLE, max_connections: '300' } });
    await database.query(`CREATE ROLE app; CREATE ROLE ${STATIC_ROLE} LOGIN`);
    return new Target(database);
  }

  /** How passwords are stored from now on, the admin's among them: a server that connects anew proves it so. */
  async use(method: Method): Promise<void> {
    if (this.#method === method) return;
    const { database } = this;
    await database.query(`ALTER SYSTEM SET password_encryption = '${METHODS[method]}'`);
    await database.query('SELECT pg_reload_conf()');
    await eventually(
      async () => (await database.query('SHOW password_encryption'))[0]?.['password_encryption'] === METHODS[method],
      `passwords as ${method}`,
    );
    await database.query(`ALTER ROLE ${database.user} PASSWORD '${database.password}'`);
    this.#method = method;
  }

  /** The fields of a connection that lead to it. */
  get connection(): JsonObject {
    const { host, port, user: username, password, database: db } = this.database;
    return { host, port, username, password, db };
  }

  /**
   * Drops every login past the servers, so that each measurement begins alike: with many users on a database each GRANT
   * takes longer than the one before.
   */
  async clear(): Promise<void> {
    const { database } = this;
    const isOurs = `(rolname LIKE 'v-%' OR rolname LIKE 'limit-%')`;
    const granted = await database.query(
      `SELECT DISTINCT rolname FROM pg_database, aclexplode(datacl) JOIN pg_roles ON pg_roles.oid = grantee WHERE ${isOurs}`,
    );
    // Whoever granted takes back: a superuser would take only what the database's owner has granted.
    const { user, database: db } = database;
    if (granted.length > 0)
      await database.query(`SET ROLE ${user}; REVOKE ALL ON DATABASE ${db} FROM ${names(granted)}; RESET ROLE`);
    const rows = await database.query(`SELECT rolname FROM pg_roles WHERE ${isOurs}`);
    for (let at = 0; at < rows.length; at += DROPPED)
      await database.query(`DROP ROLE ${names(rows.slice(at, at + DROPPED))}`);
    if (rows.length === 0) return;
    await database.query('VACUUM pg_authid, pg_auth_members, pg_database, pg_shdepend');
    // What is still to be written of it would be, while the next one measures.
    await database.query('CHECKPOINT');
  }

  async countLogins(): Promise<number> {
    const [row] = await this.database.query(`SELECT count(*) AS count FROM pg_roles WHERE rolname LIKE 'v-%'`);
    return Number(row?.['count']);
  }

  /**
   * The same SQL by pgbench, for so long or so often. GRANTs of several clients on one database fail, so theirs wait for
   * each other, as those of a server must.
   */
  async issueLimit(shape: Shape, clients: number, until: { seconds: number } | { count: number }): Promise<number> {
    const expiration = new Date(Date.now() + 86_400_000).toISOString();
    const sql = SHAPES[shape].statements
      .replaceAll('{{username}}', '{{name}}')
      .replaceAll('{{password}}', 'Bench-1234-word-that-is-')
      .replaceAll('{{expiration}}', expiration)
      .split(';')
      .map((statement) => statement.trim())
      .filter((statement) => statement !== '');
    if (sql.length > 1 && clients > 1) sql.splice(-1, 0, 'SELECT pg_advisory_xact_lock(1)');
    const statements = sql.length > 1 ? ['BEGIN', ...sql, 'COMMIT'] : sql;
    return (await pgbenchRate(this.database, statements, { clients, ...until })) ?? Number.NaN;
  }

  /** Logins that psql drops a second, over one connection, 64 a statement. */
  async dropLimit(count: number): Promise<number> {
    return dropTogether(this.database, count, 64);
  }

  async stop(): Promise<void> {
    await this.database.stop();
  }
}

function names(rows: readonly Readonly<Record<string, unknown>>[]): string {
  return rows.map(({ rolname }) => `"${String(rolname)}"`).join(', ');
}
