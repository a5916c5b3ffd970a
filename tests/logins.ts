import type { TestDatabase } from '@coffer/testkit';
import pg from 'pg';

/** Logs in with a real client; resolves with the session's user, or the server's refusal. */
export async function tryLogin(
  database: Pick<TestDatabase, 'url'>,
  username: string,
  password: string,
): Promise<{ user: string } | { refusal: string }> {
  const url = new URL(database.url);
  url.username = encodeURIComponent(username);
  url.password = encodeURIComponent(password);
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ user: string }>('SELECT session_user AS "user"');
    return { user: rows[0]?.user ?? '' };
  } catch (error) {
    return { refusal: error instanceof Error ? error.message : String(error) };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The names of the roles that the engine's default template made. */
export async function issuedRoles(database: TestDatabase): Promise<string[]> {
  const rows = await database.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%' ORDER BY rolname");
  return rows.map((row) => String(row['rolname']));
}
