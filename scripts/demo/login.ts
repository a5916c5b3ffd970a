import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import pg from 'pg';

const LOGIN_MS = 10_000;

export type Attempt = { readonly user: string } | { readonly refusal: string; readonly code: string };

/** A login to the database that a URL names. */
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

  /** Resolves with what the server calls the user, or with its refusal and the code of that, if any. */
  async attempt(): Promise<Attempt> {
    const client = new pg.Client({ connectionString: this.#url.href, connectionTimeoutMillis: LOGIN_MS });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ user: string }>('SELECT current_user AS "user"');
      return { user: rows[0]?.user ?? '' };
    } catch (error) {
      return refusalOf(error);
    } finally {
      await client.end().catch(() => undefined);
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

function refusalOf(error: unknown): { readonly refusal: string; readonly code: string } {
  // Of a host with several addresses each has been tried.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = first instanceof Error && 'code' in first ? String(first.code) : '';
  return { refusal: first instanceof Error ? first.message : String(first), code };
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
