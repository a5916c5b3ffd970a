import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { readYsqlUrl } from './external-database.ts';
import { Login } from './login.ts';

export interface DemoDatabase {
  readonly name: string;
  /** The arguments of `vault write database/config/yugabytedb` that name the server and the user. */
  readonly configArguments: readonly string[];
  readonly database: string;
  /** A login of another user. */
  login(username: string, password: string): Login;
  close(): Promise<void>;
}

/** The port on the page, and on every other page about YugabyteDB. */
const PORT = 5433;
const ALIVE_MS = 1_000;

/**
 * The YugabyteDB that YSQL_URL names, after a login there; undefined when it names none.
 * @throws Error that says what is wrong with it
 */
export async function externalDatabase(env: Readonly<NodeJS.ProcessEnv>): Promise<DemoDatabase | undefined> {
  const given = env['YSQL_URL'] ?? '';
  if (given === '') return undefined;
  const url = await readYsqlUrl(given);
  const template = new URL(url);
  template.username = '';
  template.password = '';
  return {
    ...describe(url),
    name: `the YugabyteDB at ${url.host}`,
    configArguments: [
      `connection_url=${template.href.replace('//', `//{{username}}${url.password === '' ? '' : ':{{password}}'}@`)}`,
      `username=${decodeURIComponent(url.username)}`,
      // A new YugabyteDB asks for none.
      ...(url.password === '' ? [] : [`password=${decodeURIComponent(url.password)}`]),
    ],
    close: () => Promise.resolve(),
  };
}

/** An embedded PostgreSQL 15 at port 5433 or the next free one. */
export async function embeddedDatabase(): Promise<DemoDatabase> {
  const server = await start(
    'Starting an embedded PostgreSQL 15, which YSQL is built from (YSQL_URL names a real YugabyteDB)',
  );
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

export interface LoneDatabase {
  /** What to tell about it. */
  readonly text: string;
  /** Rejects when it has ended by itself, and keeps this process running until then. */
  readonly ended: Promise<never>;
  close(): Promise<void>;
}

/** Only the database, for docs/getting-started.md. */
export async function databaseOnly(): Promise<LoneDatabase> {
  const server = await start('Starting an embedded PostgreSQL 15, which YSQL is built from');
  const { host, port, user, password, database } = server;
  const moved =
    port === PORT
      ? ''
      : `\nPort ${PORT} is busy: write ${port} wherever a page says ${PORT}, also in connection strings.\n`;
  const text = `
The database is ready:

    host      ${host}
    port      ${port}
    user      ${user}
    password  ${password}
    database  ${database}
${moved}
Go on in another terminal, in this directory, with "Terminal 2: the server" in docs/getting-started.md.

Ctrl-C stops the database, and all that is in it is gone.`;
  return { text, ended: endOf(server), close: () => server.stop() };
}

async function start(announcement: string): Promise<TestPostgres> {
  console.log(`${announcement} ...`);
  // As in a new YugabyteDB, so that trying things out by hand works as expected.
  const server = await startPostgres({ port: PORT, admin: 'superuser', ownProcessGroup: true });
  if (server.port !== PORT) console.log(`  port ${PORT} is busy; using ${server.port}`);
  return server;
}

async function endOf(server: TestPostgres): Promise<never> {
  while (isRunning(server.pid)) await delay(ALIVE_MS);
  throw new Error(
    `The database has ended by itself. The end of its log:\n${server.log().trimEnd().split('\n').slice(-5).join('\n')}`,
  );
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function describe(url: URL): Pick<DemoDatabase, 'database' | 'login'> {
  return {
    database: decodeURIComponent(url.pathname.slice(1)),
    login: (username, password) => new Login(url).as(username, password),
  };
}
