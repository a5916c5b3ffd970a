/** What the configuration in main.tf is given, in a recording and where it is replayed. */
import { dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import type { Given } from './masks.ts';

/** The login of the static role. */
export const STATIC_LOGIN = 'terraform_service';
/** Nothing else has these texts in it. */
export const ADMIN = { user: 'terraform_admin', password: 'chosen-for-terraform' };

export async function makeLogins(database: TestDatabase): Promise<void> {
  await dropLogins(database);
  await makeAdmin(database, ADMIN);
  await database.query(`CREATE ROLE ${STATIC_LOGIN} LOGIN`);
}

export async function dropLogins(database: TestDatabase): Promise<void> {
  await database.query(`DROP ROLE IF EXISTS ${STATIC_LOGIN}`);
  await dropAdmin(database, ADMIN.user);
}

/** By their masks. */
export function givenBy({ host, port, database }: TestDatabase): Given {
  return { place: `${host}:${port}/${database}`, password: ADMIN.password };
}
