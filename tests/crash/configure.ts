import type { TestDatabase, WireProxy } from '@coffer/testkit';
import { type CrashCase, type Names, ROOT_PASSWORD } from './cases.ts';
import type { CrashRequest, CrashServer } from './server.ts';

export interface Configuration {
  readonly names: Names;
  /** Between the connection and the database. */
  readonly proxy: WireProxy;
  readonly database: TestDatabase['database'];
  /** What an issued login is granted, as in `CONNECT ON DATABASE "a"`. */
  readonly grant: string;
}

/** Writes a mount with a connection and a dynamic role. */
export async function configure(
  server: Pick<CrashServer, 'request'>,
  { rootStatements }: Pick<CrashCase, 'rootStatements'>,
  { names, proxy, database, grant }: Configuration,
): Promise<void> {
  const write = (path: string, data: CrashRequest['data'] & object) =>
    server.request({ operation: 'update', path, data });
  await write('sys/mounts/database', { type: 'database' });
  await write('database/config/yb', {
    plugin_name: 'ysql-plugin',
    allowed_roles: '*',
    host: proxy.host,
    port: proxy.port,
    username: names.root,
    password: ROOT_PASSWORD,
    db: database,
    username_template: `${names.issued}{{random 12}}`,
    ...(rootStatements !== undefined && { root_rotation_statements: rootStatements }),
  });
  await write('database/roles/dynamic', {
    db_name: 'yb',
    creation_statements:
      "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'; " +
      `GRANT ${grant} TO "{{name}}";`,
    default_ttl: '1h',
    max_ttl: '24h',
  });
}
