import { startPostgres } from '@coffer/testkit';
import pg from 'pg';

export interface DemoDatabase {
  readonly name: string;
  /** The arguments of `vault write database/config/yugabytedb` that name the server and the user. */
  readonly configArguments: readonly string[];
  readonly database: string;
  /** A shell command that logs in with a credential. */
  loginCommand(username: string): string;
  /** Tries to log in. Resolves with what the server calls the user, or with its refusal. */
  tryLogin(username: string, password: string): Promise<{ user: string } | { refusal: string }>;
  close(): Promise<void>;
}

/** The YugabyteDB that YSQL_URL names, or an embedded PostgreSQL 15 at port 5433 or the next free one. */
export async function openDemoDatabase(): Promise<DemoDatabase> {
  const given = process.env['YSQL_URL'];
  if (given !== undefined && given !== '') return externalDatabase(new URL(given));
  console.log(
    'Starting an embedded PostgreSQL 15, which YSQL is built from (set YSQL_URL to use a real YugabyteDB) ...',
  );
  // As in a new YugabyteDB, so that trying things out by hand works as expected.
  const server = await startPostgres({ port: 5433, admin: 'superuser', ownProcessGroup: true });
  if (server.port !== 5433) console.log(`  port 5433 is busy; using ${server.port}`);
  return {
    ...describe(new URL(server.url)),
    name: `embedded PostgreSQL 15 at ${server.host}:${server.port}, with a stand-in for yb_servers()`,
    configArguments: [
      `host=${server.host}`,
      `port=${server.port}`,
      `username=${server.user}`,
      `password=${server.password}`,
      `db=${server.database}`,
      'load_balance=true',
      'yb_servers_refresh_interval=0',
    ],
    close: () => server.stop(),
  };
}

function externalDatabase(url: URL): DemoDatabase {
  const template = new URL(url);
  template.username = '';
  template.password = '';
  return {
    ...describe(url),
    name: `the YugabyteDB at ${url.host}`,
    configArguments: [
      `connection_url=${template.href.replace('//', '//{{username}}:{{password}}@')}`,
      `username=${decodeURIComponent(url.username)}`,
      `password=${decodeURIComponent(url.password)}`,
    ],
    close: () => Promise.resolve(),
  };
}

function describe(url: URL): Pick<DemoDatabase, 'database' | 'loginCommand' | 'tryLogin'> {
  const database = decodeURIComponent(url.pathname.slice(1)) || 'yugabyte';
  return {
    database,
    loginCommand: (username) => `ysqlsh -h ${url.hostname} -p ${url.port || '5433'} -U ${username} -d ${database}`,
    async tryLogin(username, password) {
      const login = new URL(url);
      login.username = encodeURIComponent(username);
      login.password = encodeURIComponent(password);
      const client = new pg.Client({ connectionString: login.href, connectionTimeoutMillis: 10_000 });
      client.on('error', () => undefined);
      try {
        await client.connect();
        const { rows } = await client.query<{ user: string }>('SELECT current_user AS "user"');
        return { user: rows[0]?.user ?? '' };
      } catch (error) {
        return { refusal: error instanceof Error ? error.message : String(error) };
      } finally {
        await client.end().catch(() => undefined);
      }
    },
  };
}
