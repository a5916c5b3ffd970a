import { Login } from './login.ts';

/** PostgreSQL's codes for a login that is refused for who it is (postgres:src/backend/utils/errcodes.txt, class 28). */
const REFUSED = /^28/;
/** invalid_catalog_name */
const NO_DATABASE = '3D000';

/** What YugabyteDB listens on when nobody says otherwise. */
const YSQL_PORT = '5433';

/**
 * The URL in YSQL_URL, with a port, after a login there.
 *
 * @throws Error that names the variable, without the password, and says what to do
 */
export async function readYsqlUrl(text: string): Promise<URL> {
  const url = parse(text);
  const tried = await new Login(url).attempt();
  if ('user' in tried) return url;
  throw new Error(`The environment variable YSQL_URL: ${explain(url, tried)}`);
}

function parse(text: string): URL {
  const form = 'write it as postgres://user:password@host:5433/yugabyte';
  const refuse = (what: string): Error => new Error(`The environment variable YSQL_URL ${what}: ${form}`);
  if (!URL.canParse(text)) {
    throw refuse('is not a URL, in which a password with @ or / has %40 or %2F in their place');
  }
  const url = new URL(text);
  if (!/^postgres(ql)?:$/.test(url.protocol)) throw refuse(`begins with ${url.protocol}// and not with postgres://`);
  if (url.hostname === '') throw refuse('names no host');
  if (url.username === '') throw refuse('names no user');
  if (url.port === '') url.port = YSQL_PORT;
  if (url.pathname === '' || url.pathname === '/') url.pathname = '/yugabyte';
  try {
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
  } catch {
    throw refuse('has a % that begins no character, where the character % itself is written %25');
  }
  return url;
}

function explain(url: URL, { refusal, code }: { readonly refusal: string; readonly code: string }): string {
  const user = decodeURIComponent(url.username);
  if (code === 'ECONNREFUSED') {
    return `nothing listens at ${url.host}. Start the database there, correct host and port, or unset YSQL_URL to use an embedded one.`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `the host "${url.hostname}" is not found. Correct it, or unset YSQL_URL to use an embedded database.`;
  }
  if (REFUSED.test(code)) {
    return `the database at ${url.host} refuses the user "${user}" (${refusal}). Correct user and password.`;
  }
  if (code === NO_DATABASE) return `${refusal} at ${url.host}. Correct the last part of the URL.`;
  return `the login as "${user}" at ${url.host} failed (${refusal}). See that it works with psql or ysqlsh, or unset YSQL_URL to use an embedded database.`;
}
