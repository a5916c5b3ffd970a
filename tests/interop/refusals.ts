/**
 * What the server layer of Vault's SDK refuses, and how (hashicorp/vault:sdk/database/dbplugin/v5/grpc_server.go). The
 * table is checked against a plugin that is made with that SDK as well as against ours.
 */
import assert from 'node:assert/strict';
import type { JsonObject } from '@coffer/base';
import { type GoHost, GoHostError } from './go-host.ts';

/** A database that was asked for its type, one that nobody has asked for anything, and wrong ways to name one. */
export const IDS = { known: ['one'], unknown: ['other'], none: [], two: ['one', 'other'], empty: [''] } as const;

export interface Refusal {
  readonly method: 'Initialize' | 'NewUser' | 'UpdateUser' | 'DeleteUser' | 'Type' | 'Close';
  /** In protobuf's text form. */
  readonly request: string;
  /** Given: the refusal is about the multiplex id, so it exists in protocol 6 only. */
  readonly ids?: keyof typeof IDS;
  readonly code: 'InvalidArgument' | 'Unknown';
  readonly message: string;
}

const YEAR_0 = 'seconds: -62135596801';
const YEAR_1 = 'seconds: -62135596800';
const YEAR_10000 = 'seconds: 253402300800';

const INVALID: readonly Refusal[] = [
  ['NewUser', '', 'missing username config'],
  ['NewUser', 'password: "p" expiration { seconds: 1 }', 'missing username config'],
  [
    'NewUser',
    `username_config {} expiration { ${YEAR_0} }`,
    'unable to parse expiration date: timestamp: seconds:-62135596801 before 0001-01-01',
  ],
  [
    'NewUser',
    `username_config {} expiration { ${YEAR_10000} }`,
    'unable to parse expiration date: timestamp: seconds:253402300800 after 10000-01-01',
  ],
  [
    'NewUser',
    'username_config {} expiration { nanos: 1000000000 }',
    'unable to parse expiration date: timestamp: nanos:1000000000: nanos not in range [0, 1e9)',
  ],
  ['UpdateUser', '', 'no username provided'],
  ['UpdateUser', 'password { new_password: "p" }', 'no username provided'],
  ['UpdateUser', 'username: "u"', 'update user request has no changes'],
  ['UpdateUser', 'username: "u" password {}', 'update user request has no changes'],
  ['UpdateUser', 'username: "u" expiration {}', 'update user request has no changes'],
  ['UpdateUser', `username: "u" expiration { new_expiration { ${YEAR_1} } }`, 'update user request has no changes'],
  [
    'UpdateUser',
    `username: "u" expiration { new_expiration { ${YEAR_10000} } }`,
    'unable to parse new expiration: timestamp: seconds:253402300800 after 10000-01-01',
  ],
  ['DeleteUser', '', 'no username provided'],
  ['DeleteUser', 'statements { Commands: "DROP ROLE x" }', 'no username provided'],
].map(([method, request, message]) => ({ method, request, message, code: 'InvalidArgument' }) as Refusal);

/** Requests that are right in themselves. */
const VALID: readonly (readonly [Refusal['method'], string])[] = [
  ['Initialize', 'config_data {}'],
  ['NewUser', 'username_config {} password: "p"'],
  ['UpdateUser', 'username: "u" password { new_password: "p" }'],
  ['DeleteUser', 'username: "u"'],
  ['Type', ''],
  ['Close', ''],
];
const WRONG_IDS = {
  none: 'no multiplexing ID found',
  two: 'unexpected number of IDs in metadata: (2)',
  empty: 'empty multiplex ID in metadata',
} as const;

const UNNAMED: readonly Refusal[] = VALID.flatMap(([method, request]) =>
  (['none', 'two', 'empty'] as const).map(
    (ids) => ({ method, request, ids, code: 'Unknown', message: WRONG_IDS[ids] }) as const,
  ),
);
/** Initialize and Type make the database that they name. */
const UNKNOWN: readonly Refusal[] = VALID.filter(([method]) => method !== 'Initialize' && method !== 'Type').map(
  ([method, request]) =>
    ({ method, request, ids: 'unknown', code: 'Unknown', message: 'no database instance found' }) as const,
);

export const REFUSALS: readonly Refusal[] = [...INVALID, ...UNNAMED, ...UNKNOWN];

export function callRaw(host: GoHost, database: string, method: string, fields: JsonObject = {}): Promise<unknown> {
  return host.call('raw', { database, method: `dbplugin.v5.Database.${method}`, ...fields });
}

/** Runs the table against the process of a database. */
export async function checkRefusals(host: GoHost, database: string, multiplexed: boolean): Promise<void> {
  const known = { multiplexIds: [...IDS.known] };
  await callRaw(host, database, 'Type', known);
  for (const { method, request, ids, code, message } of REFUSALS) {
    if (ids !== undefined && !multiplexed) continue;
    const what = `${database}: ${method} {${request}} with ${ids ?? 'known'} id`;
    await assert.rejects(
      callRaw(host, database, method, { request, multiplexIds: [...IDS[ids ?? 'known']] }),
      (error) => {
        assert.ok(error instanceof GoHostError, what);
        // protobuf-go puts one space or two between the parts of a message, at random, so that nobody relies on it.
        assert.deepEqual({ code: error.code, message: error.message.replaceAll('  ', ' ') }, { code, message }, what);
        return true;
      },
    );
  }
  if (multiplexed) await callRaw(host, database, 'Close', known);
}
