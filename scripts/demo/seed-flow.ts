import type { DemoDatabase } from './demo-database.ts';
import type { DemoServer } from './demo-server.ts';

export interface Credential {
  readonly username: string;
  readonly password: string;
  readonly leaseId: string;
}

/** The creation statements of YugabyteDB's documentation page "Hashicorp Vault". */
const creationStatements = (database: string): string =>
  `CREATE ROLE "{{username}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' NOINHERIT LOGIN; ` +
  `GRANT ALL ON DATABASE "${database}" TO "{{username}}";`;

/** The page's commands, up to the first credential. */
export async function firstCredential(server: DemoServer, database: DemoDatabase): Promise<Credential> {
  console.log(`Database: ${database.name}\n`);
  await server.vault(['secrets', 'enable', 'database']);
  const plugin = 'plugin_name=ysql-plugin';
  await server.vault(['write', 'database/config/yugabytedb', plugin, ...database.configArguments, 'allowed_roles=*']);
  await server.vault([
    'write',
    'database/roles/my-first-role',
    'db_name=yugabytedb',
    `creation_statements=${creationStatements(database.database)}`,
    'default_ttl=1h',
    'max_ttl=24h',
  ]);
  console.log('$ vault read database/creds/my-first-role');
  const answer = JSON.parse(
    await server.vault(['read', '-format=json', 'database/creds/my-first-role'], { quiet: true }),
  ) as { lease_id: string; data: { username: string; password: string } };
  const credential = { ...answer.data, leaseId: answer.lease_id };
  console.log(`
The first credential:

    username  ${credential.username}
    password  ${credential.password}
    lease     ${credential.leaseId}
`);
  return credential;
}

export function nextCommands(
  server: DemoServer,
  database: DemoDatabase,
  { username, password, leaseId }: Credential,
): string {
  return `Serving at ${server.address}. In another terminal, in this directory:

    export VAULT_ADDR=${server.address} VAULT_TOKEN=root
    alias vault="'$PWD/dist/coffer'"

    ${database.login(username, password).command()}

    vault read database/creds/my-first-role
    vault lease lookup ${leaseId}
    vault lease renew ${leaseId}
    vault lease revoke ${leaseId}

Ctrl-C revokes what was issued and stops everything.`;
}

/** Looks the lease up, renews and revokes it, with the proof by login before and after. */
export async function proveLifecycle(
  server: DemoServer,
  database: DemoDatabase,
  credential: Credential,
): Promise<void> {
  const { username, password, leaseId } = credential;
  const before = await database.login(username, password).attempt();
  if (!('user' in before)) throw new Error(`the new credential does not log in: ${before.refusal}`);
  console.log(`Logged in as ${before.user}: the credential works.\n`);
  await server.vault(['lease', 'lookup', leaseId]);
  await server.vault(['lease', 'renew', leaseId]);
  await server.vault(['lease', 'revoke', '-sync', leaseId]);
  const after = await database.login(username, password).attempt();
  if ('user' in after) throw new Error('the revoked credential still logs in');
  console.log(`The login is refused now: ${after.refusal}\nDone.`);
}
