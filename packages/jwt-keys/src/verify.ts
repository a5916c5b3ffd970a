import type { KeyObject } from 'node:crypto';
import { CofferError, isJsonObject, type JsonObject } from '@coffer/base';
import type { CryptoKey, JSONWebKeySet } from 'jose';
import { type Claims, MAX_JWT_LENGTH, parseClaims } from './claims.ts';

/** The most keys of a set that are tried where a token does not name its own. */
const MAX_TRIED = 16;

/** What can be known before any signature is looked at, so that only a token worth it costs work or a question to the issuer. */
export function readHeader(token: string, algorithms: readonly string[]): void {
  if (token.length > MAX_JWT_LENGTH) throw refusal(`the token has more than ${MAX_JWT_LENGTH} characters`);
  const parts = token.split('.', 4);
  if (parts.length !== 3 || parts.some((part) => part === '')) throw refusal('malformed jwt');
  const header = headerOf(token);
  if (typeof header['alg'] !== 'string' || !algorithms.includes(header['alg'])) {
    throw refusal('invalid algorithm (alg) header parameter: token signed with unexpected algorithm');
  }
  // RFC 7797 signs the payload as it stands, which RFC 7519 does not know; any other extension is unknown to the library too.
  if (header['crit'] !== undefined) throw refusal('the token has critical header parameters that are not supported');
}

/** The header of a token, as its sender has written it. @throws CofferError `invalid-request` for what is no JWT */
export function headerOf(token: string): JsonObject {
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString('utf8'));
  } catch {
    header = undefined;
  }
  if (isJsonObject(header)) return header;
  throw refusal('malformed jwt');
}

/** The claims, if this key has signed the token. */
export async function verified(
  token: string,
  key: KeyObject | CryptoKey,
  algorithms: readonly string[],
): Promise<Claims | undefined> {
  const { compactVerify } = await import('jose');
  let payload: Uint8Array;
  try {
    ({ payload } = await compactVerify(token, key, { algorithms: [...algorithms] }));
  } catch {
    // A signature that is none, or a key of another kind: it is not this one.
    return undefined;
  }
  return parseClaims(payload);
}

/** The same with the keys of a set that may have signed it, by their names, kinds and uses. */
export type KeyFinder = (token: string, algorithms: readonly string[]) => Promise<Claims | undefined>;

/** @throws CofferError `failed` for what is no set of keys */
export async function keyFinder(set: unknown): Promise<KeyFinder> {
  const { createLocalJWKSet, compactVerify, errors } = await import('jose');
  let find: ReturnType<typeof createLocalJWKSet>;
  try {
    find = createLocalJWKSet(set as JSONWebKeySet);
  } catch {
    throw new CofferError('failed', 'the answer is not a JSON Web Key Set');
  }
  return async (token, algorithms) => {
    try {
      const { payload } = await compactVerify(token, find, { algorithms: [...algorithms] });
      return parseClaims(payload);
    } catch (thrown) {
      if (thrown instanceof CofferError) throw thrown;
      if (!(thrown instanceof errors.JWKSMultipleMatchingKeys)) return undefined;
      let tried = 0;
      for await (const key of thrown) {
        const claims = await verified(token, key, algorithms);
        if (claims !== undefined || ++tried === MAX_TRIED) return claims;
      }
      return undefined;
    }
  };
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
