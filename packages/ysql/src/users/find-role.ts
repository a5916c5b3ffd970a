import { retry } from '../ddl/retry.ts';
import type { Access } from '../ddl/access.ts';

/** The role's oid; undefined if there is no such role. */
export async function findRole(access: Access, name: string): Promise<string | undefined> {
  return await retry('looking for a role', access, () =>
    access.pool.use(async (session) => {
      const { rows } = await session.query(
        'SELECT oid::pg_catalog.text AS oid FROM pg_catalog.pg_roles WHERE rolname = $1',
        [name],
      );
      const oid = rows[0]?.['oid'];
      return typeof oid === 'string' ? oid : undefined;
    }),
  );
}
