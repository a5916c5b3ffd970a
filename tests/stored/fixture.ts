/** What is known of a store file that an earlier version wrote: the `.json` beside it. */
import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import type { StoredRow } from './store-file.ts';

/** A hundred years: what is in a store file stays there for later versions to be tested with. */
export const LONG = '876000h';

export interface Fixture {
  /** Base64: the only share. */
  readonly unsealKey: string;
  readonly rootToken: string;
  /** Passwords, by user. */
  readonly userpass: Readonly<Record<string, string>>;
  readonly approle: Readonly<
    Record<string, { readonly roleId: string; readonly secretId: string; readonly accessor: string }>
  >;
  readonly tokens: Readonly<Record<string, string>>;
  readonly wrapped: { readonly data: string; readonly credential: string; readonly token: string };
  /** Lease id, user name and password of issued logins. */
  readonly leases: Readonly<Record<'plain' | 'full' | 'renewed' | 'broken', JsonObject>>;
  /** The user that was being made when the server was killed. */
  readonly creating: string;
  /** What the paths below answered. */
  readonly answers: Readonly<Record<string, JsonObject | null>>;
  /** Every row, opened. */
  readonly rows: readonly StoredRow[];
  /** Of a second file, `NAME-static.db.gz`, whose seal opens by itself: the key in hexadecimal, and the recovery key in base64. */
  readonly staticSeal: { readonly key: string; readonly recoveryKey: string; readonly rootToken: string };
}

/** Paths whose answers show what is stored, and nothing that changes with time. */
export const PATHS_READ = [
  'sys/rotate/config',
  'sys/mounts/database/tune',
  'sys/auth/people/tune',
  'sys/mounts',
  'sys/auth',
  'sys/policies/acl/app',
  'sys/policies/acl/default',
  'sys/policies/password/long',
  'sys/policies/password/short',
  'sys/plugins/catalog/database/some-plugin?version=v1.2.3',
  'sys/plugins/catalog/database/bare-plugin',
  'auth/people/users/ana',
  'auth/people/users/bare',
  'auth/approle/role/full',
  'auth/approle/role/bare',
  'auth/approle/role/full/role-id',
  'auth/token/roles/deploy',
  'database/config/making',
  'database/config/rotating',
  'database/config/rooting',
  'database/roles/app-plain',
  'database/roles/app-full',
  'database/roles/broken',
  'database/static-roles/kept',
  'database/static-roles/scheduled',
  'database/static-roles/periodic',
  'database/static-creds/kept',
] as const;

/** What a path of {@link PATHS_READ} answers. */
export async function answerOf(client: Client, path: string): Promise<JsonObject | null> {
  const [base = '', query = ''] = path.split('?');
  return (await client.read(base, Object.fromEntries(new URLSearchParams(query))))?.data ?? null;
}
