import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CofferError, errorText } from '@coffer/base';
import { type Account, findBinaries } from './binaries.ts';
import { type Rows, runQuery } from './admin-query.ts';
import type { Login } from './documented-admin.ts';
import { freePort } from './free-port.ts';
import { type DataContents, dataHome, makeData } from './postgres-data.ts';
import { type PostgresProcess, runPostgres, type ServerFiles, unprivilegedAccount } from './postgres-process.ts';

/** TLS of the server, PEM texts. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** Authority of client certificates; also what `clientCertificate` must be signed by. */
  readonly ca?: string;
  /** True: plain connections are refused with "no pg_hba.conf entry ..., no encryption", as YugabyteDB Aeon does. */
  readonly only?: boolean;
  /** True: every TLS client must show a certificate signed by `ca`. */
  readonly clientCertificate?: boolean;
}

export interface StartOptions {
  /** The port to listen on, or the next free one above it. Default: any free port. */
  readonly port?: number;
  /** The admin to give to the product. Default `yugabyte`. */
  readonly user?: string;
  /** Default `yugabyte`. */
  readonly password?: string;
  /** Made when it does not exist. Default `yugabyte`. */
  readonly database?: string;
  /**
   * `documented` (the default): `user` has what docs/database/admin-user.md says and nothing more, and `query()` runs as
   * somebody else. `superuser`: `user` is the superuser, as `yugabyte` is in a new YugabyteDB. Say why.
   */
  readonly admin?: 'documented' | 'superuser';
  readonly tls?: ServerTls;
  /**
   * Default `scram-sha-256`. `md5` also stores passwords as MD5: with many logins, where it does not matter how they prove
   * who they are, that saves 5 ms at each new password and 4 at each connection.
   */
  readonly authMethod?: 'scram-sha-256' | 'md5' | 'trust';
  /** More lines of postgresql.conf, unquoted values: `{ log_statement: 'all' }` puts every statement into `log()`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** False leaves out the stand-in for `yb_servers()`, as on plain PostgreSQL. Default true. */
  readonly ybServers?: boolean;
  /** True keeps a terminal's Ctrl-C from the server, which then ends only by `stop()` or with us. Default false. */
  readonly ownProcessGroup?: boolean;
  /** Told one short line per step. */
  readonly onProgress?: (text: string) => void;
}

/** A database for a test, wherever it runs. */
export interface TestDatabase {
  readonly host: string;
  readonly port: number;
  /** The admin to give to the product: no superuser, see {@link StartOptions.admin}. */
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The user that `query()` runs as, for a test's own preparations. A test that gives it to the product says why. */
  readonly superuser: Login;
  /** `postgres://user:password@host:port/database`, percent-encoded; with `sslmode=require` when plain is refused. */
  readonly url: string;
  /** Runs one statement as the superuser over a connection of its own. Default `database`: the one above. */
  query(sql: string, parameters?: readonly unknown[], database?: string): Promise<Rows>;
  stop(): Promise<void>;
}

export interface TestPostgres extends TestDatabase {
  readonly host: '127.0.0.1';
  readonly dataDirectory: string;
  /** Of the postmaster; of the last one while halted. */
  readonly pid: number;
  /** A fast shutdown that keeps the data, for {@link resume}. */
  halt(): Promise<void>;
  /** Starts the halted server again, with the same port and data. @throws CofferError `failed` when it does not start */
  resume(): Promise<void>;
  /** The server's log so far; what it was at the end once stopped. */
  log(): string;
}

const BIND_ATTEMPTS = 20;

/**
 * Starts a PostgreSQL 15 of its own on 127.0.0.1 (data in memory or the temporary directory, fsync off). It ends with
 * `stop()`, and with our process, however that ends. `stop()` is a fast shutdown and removes the data directory.
 *
 * @throws CofferError `failed` when there is no build for this platform, or initdb or the server fails
 */
export async function startPostgres(options: StartOptions = {}): Promise<TestPostgres> {
  const account = unprivilegedAccount();
  const binaries = await findBinaries(account);
  const progress = options.onProgress ?? (() => undefined);
  const root = await mkdtemp(path.join(await dataHome(options.settings?.['fsync'] === 'on'), 'coffer-postgres-data-'));
  const files = { root, data: path.join(root, 'data'), log: path.join(root, 'server.log') };
  try {
    if (account !== undefined) await chown(root, account.uid, account.gid);
    progress('initialising a PostgreSQL data directory');
    await makeData(files, contentsOf(options), { binaries, account }, isOrdinary(options));
    await writeConfiguration(files, account, options);
    progress('starting PostgreSQL');
    const { running, port } = await runOnFreePort(binaries.postgres, files, account, options);
    const again = (): Promise<PostgresProcess> =>
      runPostgres(binaries.postgres, files, account, options.ownProcessGroup ?? false);
    const server = describeServer(options, files, { running, port, again });
    progress(`PostgreSQL listens on 127.0.0.1:${port}`);
    return server;
  } catch (thrown) {
    await rm(root, { recursive: true, force: true });
    throw thrown;
  }
}

function adminOf({ user = 'yugabyte', password = 'yugabyte' }: StartOptions): Login {
  return { user, password };
}

function superuserOf(options: StartOptions): Login {
  return options.admin === 'superuser' ? adminOf(options) : { user: 'postgres', password: 'postgres' };
}

function contentsOf(options: StartOptions): DataContents {
  return {
    superuser: superuserOf(options),
    admin: options.admin === 'superuser' ? undefined : adminOf(options),
    database: options.database ?? 'yugabyte',
    ybServers: options.ybServers ?? true,
    passwordEncryption: options.authMethod === 'md5' ? 'md5' : 'scram-sha-256',
  };
}

/** Many starts ask for the same contents when they leave login and database as they are. */
function isOrdinary({ user, password, database }: StartOptions): boolean {
  return user === undefined && password === undefined && database === undefined;
}

async function writeOwned(file: string, text: string, account: Account | undefined): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (account !== undefined) await chown(file, account.uid, account.gid);
}

async function writeConfiguration(
  files: ServerFiles,
  account: Account | undefined,
  options: StartOptions,
): Promise<void> {
  const { tls, authMethod = 'scram-sha-256', settings = {} } = options;
  const configuration: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: files.root,
    unix_socket_permissions: '0700',
    max_connections: '200',
    // Much more than the tests' data, and each new session is a third cheaper than with 128 MB.
    shared_buffers: '16MB',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    password_encryption: authMethod === 'md5' ? 'md5' : 'scram-sha-256',
    logging_collector: 'off',
    ...(tls === undefined ? {} : { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' }),
    ...(tls?.ca === undefined ? {} : { ssl_ca_file: 'ca.crt' }),
    ...settings,
  };
  const lines = Object.entries(configuration).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  await writeOwned(path.join(files.data, 'coffer.conf'), lines.join(''), account);
  await writeOwned(path.join(files.data, 'pg_hba.conf'), hostRules(tls, authMethod), account);
  if (tls === undefined) return;
  await writeOwned(path.join(files.data, 'server.crt'), tls.cert, account);
  await writeOwned(path.join(files.data, 'server.key'), tls.key, account);
  if (tls.ca !== undefined) await writeOwned(path.join(files.data, 'ca.crt'), tls.ca, account);
}

function hostRules(tls: ServerTls | undefined, authMethod: string): string {
  const certificate = tls?.clientCertificate === true ? ' clientcert=verify-ca' : '';
  // Open to our user only, and without a password proof, which takes longer than most statements.
  const own = 'local all all trust\n';
  const encrypted = `hostssl all all 127.0.0.1/32 ${authMethod}${certificate}\n`;
  const plain = `hostnossl all all 127.0.0.1/32 ${authMethod}\n`;
  if (tls === undefined) return own + plain;
  return own + (tls.only === true ? encrypted : encrypted + plain);
}

/** Between finding a port free and binding it another process may take it: then the next one. */
async function runOnFreePort(
  program: string,
  files: ServerFiles,
  account: Account | undefined,
  options: StartOptions,
): Promise<{ running: PostgresProcess; port: number }> {
  let from = options.port;
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(from);
    const configuration = `include 'coffer.conf'\nport = ${port}\n`;
    await writeOwned(path.join(files.data, 'postgresql.conf'), configuration, account);
    try {
      const running = await runPostgres(program, files, account, options.ownProcessGroup ?? false);
      return { running, port };
    } catch (thrown) {
      const taken = errorText(thrown).includes('Address already in use');
      if (!taken || attempt === BIND_ATTEMPTS) throw thrown;
      if (from !== undefined) from = port + 1;
      await rm(files.log);
    }
  }
}

function describeServer(
  options: StartOptions,
  files: ServerFiles,
  started: { readonly running: PostgresProcess; readonly port: number; readonly again: () => Promise<PostgresProcess> },
): TestPostgres {
  const { port, again } = started;
  let { running } = started;
  const { user, password } = adminOf(options);
  const { database = 'yugabyte', tls } = options;
  const authority = `${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
  let lastLog: string | undefined;
  const log = (): string => lastLog ?? readFileSync(files.log, 'utf8');
  return {
    host: '127.0.0.1',
    port,
    user,
    password,
    database,
    superuser: superuserOf(options),
    url: `postgres://${authority}/${encodeURIComponent(database)}${tls?.only === true ? '?sslmode=require' : ''}`,
    dataDirectory: files.data,
    get pid() {
      return running.pid;
    },
    log,
    halt: () => running.halt(),
    resume: async () => {
      running = await again();
    },
    query: (sql, parameters = [], inDatabase = database) =>
      runQuery({ host: files.root, port, ...superuserOf(options), database: inDatabase }, sql, parameters),
    stop: async () => {
      lastLog ??= log();
      await running.stop();
    },
  };
}

/**
 * The database that the environment variable YSQL_URL names (a real YugabyteDB, say; `stop()` then leaves it running
 * and `options` are of no account), else a PostgreSQL started for the test.
 *
 * @throws CofferError `invalid-request` when YSQL_URL is not a postgres:// URL
 */
export async function databaseUnderTest(options: StartOptions = {}): Promise<TestDatabase> {
  const url = process.env['YSQL_URL'];
  if (url === undefined || url === '') return startPostgres(options);
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    throw new CofferError(
      'invalid-request',
      'environment variable YSQL_URL: use postgres://user:password@host:port/database',
    );
  }
  const parts = new URL(url);
  const withDatabase = (database: string): string => {
    const other = new URL(url);
    other.pathname = `/${encodeURIComponent(database)}`;
    return other.href;
  };
  const database = decodeURIComponent(parts.pathname.slice(1)) || 'yugabyte';
  const login: Login = { user: decodeURIComponent(parts.username), password: decodeURIComponent(parts.password) };
  return {
    host: parts.hostname,
    port: Number(parts.port || 5433),
    ...login,
    database,
    superuser: login,
    url,
    query: (sql, parameters = [], inDatabase = database) =>
      runQuery({ connectionString: withDatabase(inDatabase) }, sql, parameters),
    stop: async () => undefined,
  };
}
