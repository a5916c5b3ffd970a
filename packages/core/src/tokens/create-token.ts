import { CofferError, randomBase62, Secret } from '@coffer/base';
import { type Condition, type CreatedToken, type NewToken, type TokenEntry, validToken } from '@coffer/framework';
import { bucketOf, type SqlStatement, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { insertWhile, whileHolds } from '../barrier/insert-while.ts';
import type { Identities } from '../identity/identities.ts';
import { type IdentityLogin, identityLogin } from '../identity/identity-login.ts';
import { batchEntry, sealBatchToken } from './batch-token.ts';
import { leaseIdOf } from './token-lease.ts';
import { sealToken, tokenFromRow } from './token-row.ts';

/** Vault's form for service tokens: `hvs.` and base62. */
const TOKEN_PREFIX = 'hvs.';
const TOKEN_RANDOM = 24;
/** Characters of a token that is made here. */
export const TOKEN_LENGTH = TOKEN_PREFIX.length + TOKEN_RANDOM;

/** How often the entity of a login is looked for again when others log in, or are changed, at the same time. */
const ATTEMPTS = 10;

interface Parts {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly identities: Identities;
}

/** See `TokenStore.create`. */
export async function createToken(parts: Parts, given: NewToken): Promise<CreatedToken> {
  const { alias, provided = [], otherwise = 'permission denied' } = given;
  const standing = [...(given.parent === '' ? [] : [validToken(given.parent)]), ...provided];
  if (alias === undefined) return done(parts, await makeToken(parts, given, standing), otherwise);
  for (let attempt = 1; ; attempt++) {
    const login = await identityLogin(parts.identities, alias, standing);
    const made = await makeToken(parts, { ...given, entityId: login.entityId }, standing, login);
    if (made !== undefined || attempt === ATTEMPTS) {
      return { ...(await done(parts, made, otherwise)), entityCreated: login.isFirst };
    }
    // Perhaps another login has made the entity meanwhile, or somebody has moved the alias. Otherwise it was something else.
    const present = await parts.identities.aliasOf('entity', alias.mountAccessor, alias.name);
    if (present === undefined || present.canonicalId === login.entityId) return done(parts, undefined, otherwise);
  }
}

interface Made {
  readonly token: string;
  readonly entry: TokenEntry;
}

async function done({ identities }: Parts, made: Made | undefined, otherwise: string): Promise<CreatedToken> {
  if (made === undefined) throw new CofferError('permission-denied', otherwise);
  const identity = made.entry.entityId === undefined ? undefined : await identities.find(made.entry.entityId);
  return { token: new Secret(made.token), entry: made.entry, identityPolicies: identity?.policies ?? [] };
}

/** Undefined when the conditions do not hold: nothing is left then, but an entity that others made. */
function makeToken(
  parts: Parts,
  given: NewToken,
  standing: readonly Condition[],
  login?: IdentityLogin,
): Promise<Made | undefined> {
  return given.type === 'batch' ? makeBatch(parts, given, standing, login) : makeService(parts, given, standing, login);
}

async function makeBatch(
  parts: Parts,
  given: NewToken,
  standing: readonly Condition[],
  login?: IdentityLogin,
): Promise<Made | undefined> {
  const token = sealBatchToken(parts.barrier, given);
  const conditions = [...standing, ...(login?.conditions ?? [])];
  if (conditions.length > 0) {
    const holds = await writeToken(parts, whileHolds(conditions), login);
    if (holds.rows.length === 0) return undefined;
  }
  return { token, entry: batchEntry(parts.barrier, token, given) };
}

async function makeService(
  parts: Parts,
  given: NewToken,
  standing: readonly Condition[],
  login?: IdentityLogin,
): Promise<Made | undefined> {
  const { store, barrier } = parts;
  const { leased = true } = given;
  const made = given.token ?? `${TOKEN_PREFIX}${randomBase62(TOKEN_RANDOM)}`;
  const entry = serviceEntry(barrier, made, given);
  const insertion = insertWhile(
    {
      into: 'tokens (id, accessor, parent, expire_time, uses_left, lease, value, bucket, entity)',
      values: '$1, $2, $3, $4, $5, $6, $7, $8, $9',
      params: [
        ...[entry.id, entry.accessor, entry.parent, entry.expireTime, entry.usesLeft],
        ...[leased ? leaseIdOf(entry) : '', sealToken(barrier, entry), bucketOf(entry.id), entry.entityId ?? ''],
      ],
      onConflict: 'ON CONFLICT (id) DO NOTHING',
    },
    [...standing, ...(login?.conditions ?? [])],
  );
  // Run again, it finds the row that it has made, which has our accessor.
  const { changes } = await writeToken(parts, { ...insertion, repeatable: true }, login);
  if (changes === 1) return { token: made, entry };
  const { rows } = await store.run('SELECT * FROM tokens WHERE id = $1', [entry.id]);
  if (rows[0] === undefined) return undefined;
  if (tokenFromRow(barrier, rows[0]).accessor === entry.accessor) return { token: made, entry };
  throw new CofferError('invalid-request', 'cannot create a token with a duplicate ID');
}

function serviceEntry(barrier: Barrier, token: string, given: NewToken): TokenEntry {
  const { parent, displayName, policies, path, meta, creationTime, creationTtl, expireTime, explicitMaxTtl } = given;
  const { period, numUses, renewable, role, boundCidrs, entityId } = given;
  return {
    ...{ parent, displayName, policies, path, meta, creationTime, creationTtl, expireTime, explicitMaxTtl },
    ...{ period, numUses, renewable },
    id: barrier.tokenId(token),
    accessor: randomBase62(24),
    usesLeft: numUses,
    lastRenewal: null,
    type: 'service',
    ...(role !== undefined && { role }),
    ...(boundCidrs !== undefined && { boundCidrs }),
    ...(entityId !== undefined && { entityId }),
  };
}

/** In one transaction with what its entity needs. */
async function writeToken({ store, identities }: Parts, statement: SqlStatement, login?: IdentityLogin) {
  const statements = [...(login?.statements ?? []), statement];
  const results =
    login !== undefined && login.changes.length > 0
      ? await identities.write(login.changes, statements)
      : await store.transaction(statements);
  return results.at(-1) ?? { rows: [], changes: 0 };
}
