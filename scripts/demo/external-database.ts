import { errorText } from '@coffer/base';
import { Login, NOBODY } from './login.ts';

/** PostgreSQL's codes (postgres:src/backend/utils/errcodes.txt): invalid_password, invalid_catalog_name. */
const [WRONG_PASSWORD, NO_DATABASE] = ['28P01', '3D000'];

/** What YugabyteDB listens on when nobody says otherwise. */
const YSQL_PORT = '5433';

/**
 * The URL in YSQL_URL, with a port, after a login there.
 *
 * @throws Error that names the variable, without the password, and says what to do
 */
export async function readYsqlUrl(text: string): Promise<URL> {
  const url = parse(text);
  const refuse = (what: string): Error => new Error(`The environment variable YSQL_URL: ${what}`);
  const tried = await new Login(url).attempt().catch((error: unknown) => {
    throw refuse(errorText(error).replace('field "connection_url": ', ''));
  });
  if (!('user' in tried)) throw refuse(explain(url, tried));
  if (tried.createsUsers) return url;
  throw refuse(
    `the user "${tried.user}" may not create users. Have a superuser say ALTER ROLE "${tried.user}" CREATEROLE, or name another ` +
      'user; docs/database/admin-user.md has all that one needs.',
  );
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
  if (code === NOBODY) {
    return `nothing listens at ${url.host}. Start the database there, correct host and port, or unset YSQL_URL to use an embedded one.`;
  }
  const failed = `the login at ${url.host} failed: ${refusal}`;
  if (code === WRONG_PASSWORD) return `${failed}. Correct user and password.`;
  if (code === NO_DATABASE) return `${failed}. Correct the last part of the URL.`;
  return `${failed}. Correct it, or unset YSQL_URL to use an embedded database.`;
}
