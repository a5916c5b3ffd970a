import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CofferError, errorText } from '@coffer/base';
import {
  connect,
  decodeConnection,
  Failure,
  type Findings,
  type Session,
  type SessionProfile,
} from '@coffer/yb-connection';

const PROFILE: SessionProfile = {
  applicationName: () => 'coffer-login',
  ourSettings: () => "SET statement_timeout TO '10s'",
  longestAnswerBytes: 65_536,
};
const STRICT: Findings = {
  warn: () => undefined,
  refuse(problem) {
    throw new CofferError('invalid-request', problem);
  },
};
const WHO = `
  SELECT rolname::pg_catalog.text AS "user", rolsuper OR rolcreaterole AS creates_users
  FROM pg_catalog.pg_roles WHERE rolname = current_user`;
/** The code of a login where nobody listens. */
export const NOBODY = 'nobody';

export type Attempt =
  | { readonly user: string; readonly createsUsers: boolean }
  | { readonly refusal: string; readonly code: string };

/** A login to the database that a URL names, by the settings in it as the plugin takes them. */
export class Login {
  readonly #url: URL;

  /** `url` has a port and a database. */
  constructor(url: URL) {
    this.#url = new URL(url);
  }

  as(username: string, password: string): Login {
    const login = new Login(this.#url);
    login.#url.username = encodeURIComponent(username);
    login.#url.password = encodeURIComponent(password);
    return login;
  }

  /**
   * Resolves with what the server calls the user, or with its refusal: the code of that is the server's, {@link NOBODY} or empty.
   *
   * @throws CofferError `invalid-request` for a URL that the plugin would refuse
   */
  async attempt(): Promise<Attempt> {
    const settings = decodeConnection({ connection_url: this.#url.href }, STRICT);
    const [target = { host: '', port: 0 }] = settings.hosts;
    let session: Session | undefined;
    try {
      session = await connect(settings, PROFILE, target, settings.database);
      const { rows } = await session.query(WHO);
      return { user: String(rows[0]?.['user']), createsUsers: rows[0]?.['creates_users'] === true };
    } catch (error) {
      // Who is asked where is what the caller knows.
      const { host, port } = target;
      const where = `failed to connect to host=${host} port=${port} user=${settings.username} database=${settings.database}: `;
      return { refusal: errorText(error).replace(where, ''), code: codeOf(error) };
    } finally {
      await session?.close();
    }
  }

  /** A command for a shell that tries it, by a program that is on this machine: YugabyteDB's, PostgreSQL's, or ours. */
  command(path = process.env['PATH'] ?? ''): string {
    const { hostname, port, username, password, pathname, search } = this.#url;
    const secret = `PGPASSWORD=${quoted(decodeURIComponent(password))}`;
    const client = ['ysqlsh', 'psql'].find((name) => isOn(path, name));
    if (client === undefined) {
      const url = `postgres://${username}@${hostname}:${port}${pathname}${search}`;
      return `${secret} npm run -s login -- ${quoted(url)}`;
    }
    const [user, database] = [username, pathname.slice(1)].map((part) => quoted(decodeURIComponent(part)));
    return `${secret} ${client} -h ${hostname} -p ${port} -U ${user} -d ${database}`;
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Failure)) return '';
  return error.sqlstate === '' && error.nobodyThere ? NOBODY : error.sqlstate;
}

function isOn(path: string, name: string): boolean {
  return path.split(delimiter).some((directory) => {
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
