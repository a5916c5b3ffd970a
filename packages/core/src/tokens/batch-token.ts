import { CofferError } from '@coffer/base';
import { BATCH_TOKEN_PREFIX, isBatchToken, stored, type TokenEntry } from '@coffer/framework';
import type { Barrier } from '../barrier/barrier.ts';
import { termOf } from '../barrier/sealed-value.ts';

/** Characters: several of them fit into the headers that a server takes. */
const LONGEST = 4_096;
/** Where the barrier is told that such a value belongs: nothing that it seals for a row can be taken for a token. */
const ROW = 'batch-token';

/** What a batch token holds. Times are milliseconds since 1970, TTLs seconds. */
type Sealed = Pick<
  TokenEntry,
  | 'parent'
  | 'displayName'
  | 'policies'
  | 'path'
  | 'meta'
  | 'creationTime'
  | 'creationTtl'
  | 'role'
  | 'boundCidrs'
  | 'entityId'
  | 'issuer'
>;

const { entry, integer, nullable, optional, string, stringMap, strings } = stored;
const SEALED = entry<Sealed>({
  parent: string(),
  displayName: string(),
  policies: strings(),
  path: string(),
  meta: nullable(stringMap()),
  creationTime: integer(),
  creationTtl: integer(),
  role: optional(string()),
  boundCidrs: optional(strings()),
  entityId: optional(string()),
  issuer: optional(string()),
});

/** @throws CofferError `invalid-request` for one that would be too long to be sent */
export function sealBatchToken(barrier: Barrier, given: Sealed): string {
  const sealed = barrier.seal(ROW, heldOf(given));
  const token = BATCH_TOKEN_PREFIX + Buffer.from(sealed).toString('base64url');
  if (token.length <= LONGEST) return token;
  throw new CofferError(
    'invalid-request',
    `the batch token would have ${token.length} characters; ${LONGEST} is the maximum: a batch token contains its policies and metadata`,
  );
}

/**
 * What a batch token holds, if it was sealed here and has not expired. Undefined for anything else: what a stranger may send
 * makes nobody look for a key that no node has.
 */
export function openBatchToken(barrier: Barrier, token: string): TokenEntry | undefined {
  const sealed = sealedOf(token);
  if (sealed === undefined || !knowsTermOf(barrier, sealed)) return undefined;
  let held: Sealed;
  try {
    held = SEALED(barrier.open(ROW, sealed), ROW);
  } catch {
    return undefined;
  }
  const expireTime = held.creationTime + held.creationTtl * 1000;
  if (expireTime <= Date.now()) return undefined;
  return batchEntry(barrier, token, held);
}

/** Whether it is sealed under a key that this node has not heard of: another one may have installed it just now. */
export function isUnderNewTerm(barrier: Barrier, token: string): boolean {
  const sealed = sealedOf(token);
  return sealed !== undefined && !knowsTermOf(barrier, sealed);
}

export function batchEntry(barrier: Barrier, token: string, held: Sealed): TokenEntry {
  return {
    ...heldOf(held),
    id: barrier.tokenId(token),
    accessor: '',
    expireTime: held.creationTime + held.creationTtl * 1000,
    lastRenewal: null,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    usesLeft: 0,
    renewable: false,
    type: 'batch',
  };
}

function heldOf({ role, boundCidrs, entityId, issuer, ...given }: Sealed): Sealed {
  const { parent, displayName, policies, path, meta, creationTime, creationTtl } = given;
  return {
    ...{ parent, displayName, policies, path, meta, creationTime, creationTtl },
    ...(role !== undefined && { role }),
    ...(boundCidrs !== undefined && { boundCidrs }),
    ...(entityId !== undefined && { entityId }),
    ...(issuer !== undefined && { issuer }),
  };
}

function sealedOf(token: string): Uint8Array | undefined {
  if (!isBatchToken(token) || token.length > LONGEST) return undefined;
  const text = token.slice(BATCH_TOKEN_PREFIX.length);
  // Node.js leaves out what is not base64url: a token has one spelling.
  if (!/^[\w-]+$/.test(text)) return undefined;
  const sealed = Buffer.from(text, 'base64url');
  return sealed.toString('base64url') === text ? sealed : undefined;
}

function knowsTermOf(barrier: Barrier, sealed: Uint8Array): boolean {
  const term = termOf(sealed);
  return term !== undefined && barrier.keyring.keys.has(term);
}
