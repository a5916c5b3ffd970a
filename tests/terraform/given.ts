/** What the configuration in main.tf is given, in a recording and where it is replayed. */
import { dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import type { Given } from './masks.ts';

/** The logins of the static roles: by a period, and by a schedule. */
export const STATIC_LOGIN = 'terraform_service';
export const SCHEDULED_LOGIN = 'terraform_scheduled';
/** Nothing else has these texts in it. */
export const ADMIN = { user: 'terraform_admin', password: 'chosen-for-terraform' };

export async function makeLogins(database: TestDatabase): Promise<void> {
  await dropLogins(database);
  await makeAdmin(database, ADMIN);
  for (const login of [STATIC_LOGIN, SCHEDULED_LOGIN]) await database.query(`CREATE ROLE ${login} LOGIN`);
}

export async function dropLogins(database: TestDatabase): Promise<void> {
  for (const login of [STATIC_LOGIN, SCHEDULED_LOGIN]) await database.query(`DROP ROLE IF EXISTS ${login}`);
  await dropAdmin(database, ADMIN.user);
}

/** By their masks. */
export function givenBy({ host, port, database }: TestDatabase): Given {
  return { place: `${host}:${port}/${database}`, password: ADMIN.password };
}
