import { setTimeout as sleep } from 'node:timers/promises';

/** A login of a database server. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** A database that a superuser asks, such as a test's own. */
interface Asked {
  readonly database: string;
  query(sql: string): Promise<unknown>;
}

const ATTEMPTS = 100;
const PAUSE_MS = 20;

/**
 * The SQL of docs/database/admin-user.md that makes the login of the product: the blocks `sql admin` and `sql database`,
 * and nothing more. tests/suite-admin.test.ts holds it to the page, word for word. For a superuser or the database's
 * owner.
 */
export function documentedAdmin({ user, password }: Login, database: string): string[] {
  const name = quoted(user);
  return [
    `CREATE ROLE ${name} LOGIN CREATEROLE PASSWORD '${password.replaceAll("'", "''")}'`,
    `GRANT pg_signal_backend TO ${name}`,
    `GRANT ALL ON DATABASE ${quoted(database)} TO ${name} WITH GRANT OPTION`,
  ];
}

/** Makes one more admin for a test, as {@link documentedAdmin} says: to rotate its password, say. */
export async function makeAdmin(asked: Asked, login: Login): Promise<void> {
  await amidOthers(() => asked.query(documentedAdmin(login, asked.database).join('; ')));
}

/** Drops one of {@link makeAdmin}, if it is there, and what others have from it. */
export async function dropAdmin(asked: Asked, user: string): Promise<void> {
  const name = quoted(user);
  const sql = `DO $drop$ BEGIN DROP OWNED BY ${name}; DROP ROLE ${name}; EXCEPTION WHEN undefined_object THEN END $drop$`;
  await amidOthers(() => asked.query(sql));
}

/** The database's privileges are one row, which PostgreSQL lets only one transaction change at a time. */
async function amidOthers(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      const lost = error instanceof Error && error.message.includes('tuple concurrently');
      if (!lost || attempt === ATTEMPTS) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
