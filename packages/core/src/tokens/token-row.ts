import { isCofferError } from '@coffer/base';
import { stored, type TokenEntry } from '@coffer/framework';
import type { SqlRow } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';

const { boolean, entry, integer, nullable, oneOf, optional, string, stringMap, strings } = stored;
const TOKEN = entry<TokenEntry>({
  id: string(),
  accessor: string(),
  parent: string(),
  displayName: string(),
  policies: strings(),
  path: string(),
  meta: nullable(stringMap()),
  creationTime: integer(),
  creationTtl: integer(),
  expireTime: nullable(integer()),
  lastRenewal: nullable(integer()),
  explicitMaxTtl: integer(),
  period: integer(),
  numUses: integer(),
  usesLeft: integer(),
  renewable: boolean(),
  type: oneOf(['service', 'batch']),
  role: optional(string()),
  boundCidrs: optional(strings()),
  entityId: optional(string()),
  issuer: optional(string()),
});

export function sealToken(barrier: Barrier, entry: TokenEntry): Uint8Array {
  // The other fields are columns of their own: a token is found by them.
  const { displayName, policies, path, meta, creationTime, creationTtl, lastRenewal } = entry;
  const { explicitMaxTtl, period, numUses, renewable, type, role, boundCidrs, entityId } = entry;
  return barrier.seal(`tokens/${entry.id}`, {
    ...{ displayName, policies, path, meta, creationTime, creationTtl, lastRenewal },
    ...{ explicitMaxTtl, period, numUses, renewable, type },
    ...(role !== undefined && { role }),
    ...(boundCidrs !== undefined && { boundCidrs }),
    ...(entityId !== undefined && { entityId }),
  });
}

/** Undefined for a token that is damaged: it serves nobody, and must not keep others from being ended. */
export function readableToken(barrier: Barrier, row: SqlRow): TokenEntry | undefined {
  try {
    return tokenFromRow(barrier, row);
  } catch (thrown) {
    if (isCofferError(thrown, 'failed')) return undefined;
    throw thrown;
  }
}

/**
 * Whether a row's column says the same as its sealed value. A version that knows of no entities, and renews a token, seals it
 * without its own: it must not go on as nobody's, out of reach for whoever disables the entity.
 */
export function hasItsEntity(row: SqlRow, { entityId = '' }: TokenEntry): boolean {
  return row['entity'] === entityId;
}

/** @throws CofferError `failed` naming the row, and the field where one is damaged */
export function tokenFromRow(barrier: Barrier, row: SqlRow): TokenEntry {
  const place = `tokens/${String(row['id'])}`;
  const columns = {
    id: row['id'],
    accessor: row['accessor'],
    parent: row['parent'],
    expireTime: row['expire_time'],
    usesLeft: row['uses_left'],
  };
  return TOKEN({ ...barrier.open(place, row['value']), ...columns }, place);
}
