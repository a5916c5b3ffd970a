import {
  CofferError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseBoundedJson,
  plainNumbers,
} from '@coffer/base';

/** What a token says, as its payload holds it. Numbers are plain. */
export type Claims = JsonObject;

/** Longest token that is looked at, in characters: a few times that of the largest that providers issue. */
export const MAX_JWT_LENGTH = 32 * 1024;
/** Seconds, as github.com/hashicorp/cap and go-jose have them. */
const DEFAULT_LEEWAY = 150;
const DEFAULT_CLOCK_SKEW = 60;

/** What a token must claim. Empty strings and lists ask for nothing; leeways are seconds, 0 for the default, negative for none. */
export interface ClaimsExpected {
  readonly issuer?: string;
  readonly subject?: string;
  /** One of them must be among the token's. */
  readonly audiences?: readonly string[];
  readonly expirationLeeway?: number;
  readonly notBeforeLeeway?: number;
  readonly clockSkewLeeway?: number;
  /** A token without any time in it is good at any time. */
  readonly allowNoTimes?: boolean;
}

/**
 * Checks the registered claims as Vault does (hashicorp/cap:jwt/jwt.go Validate), in its words. Stricter in this: a time of 0
 * or less is a time like any other, where Vault takes 0 for none.
 *
 * @throws CofferError `invalid-request`
 */
export function checkClaims(claims: Claims, expected: ClaimsExpected, now = Date.now() / 1000): void {
  const { issuer = '', subject = '', audiences = [] } = expected;
  if (issuer !== '' && textClaim(claims, 'iss') !== issuer) throw refusal('invalid issuer (iss) claim');
  if (subject !== '' && textClaim(claims, 'sub') !== subject) throw refusal('invalid subject (sub) claim');
  const own = audiencesOf(claims);
  if (audiences.length > 0 && !audiences.some((audience) => own.includes(audience))) {
    throw refusal('invalid audience (aud) claim: audience claim does not match any expected audience');
  }
  checkTimes(claims, expected, now);
}

function checkTimes(claims: Claims, expected: ClaimsExpected, now: number): void {
  const [issued, until, from] = [timeClaim(claims, 'iat'), timeClaim(claims, 'exp'), timeClaim(claims, 'nbf')];
  if (issued === undefined && until === undefined && from === undefined) {
    if (expected.allowNoTimes === true) return;
    throw refusal('no issued at (iat), not before (nbf), or expiration time (exp) claims in token');
  }
  const end =
    until ?? Math.max(issued ?? -Infinity, from ?? -Infinity) + leeway(expected.expirationLeeway, DEFAULT_LEEWAY);
  const start = from ?? issued ?? end - leeway(expected.notBeforeLeeway, DEFAULT_LEEWAY);
  const skew = leeway(expected.clockSkewLeeway, DEFAULT_CLOCK_SKEW);
  if (now + skew < start) throw refusal('invalid not before (nbf) claim: token not yet valid');
  if (now - skew > end) throw refusal('invalid expiration time (exp) claim: token is expired');
  if (issued !== undefined && now + skew < issued) {
    throw refusal('invalid issued at (iat) claim: token issued in the future');
  }
}

function leeway(given = 0, byDefault: number): number {
  return given === 0 ? byDefault : Math.max(given, 0);
}

/** The audiences of a token; a single one may stand alone (RFC 7519, section 4.1.3). */
export function audiencesOf(claims: Claims): readonly string[] {
  const given = claims['aud'] ?? [];
  const list = Array.isArray(given) ? given : [given];
  if (list.every((each) => typeof each === 'string')) return list;
  throw refusal('invalid audience (aud) claim: it is neither a string nor a list of strings');
}

function textClaim(claims: Claims, name: string): string {
  const value = claims[name] ?? '';
  if (typeof value === 'string') return value;
  throw refusal(`the claim ${JSON.stringify(name)} is not a string`);
}

function timeClaim(claims: Claims, name: string): number | undefined {
  const value = claims[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  throw refusal(`the claim ${JSON.stringify(name)} is not a time`);
}

/** A claim by its name, or by a JSON pointer (RFC 6901) that begins with a slash. Undefined when there is none. */
export function claimAt(claims: Claims, name: string): JsonValue | undefined {
  if (!name.startsWith('/')) return own(claims, name);
  const keys = name
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  let value: JsonValue | undefined = claims;
  for (const key of keys) value = own(value, key);
  return value;
}

function own(value: JsonValue | undefined, key: string): JsonValue | undefined {
  const inside = isJsonObject(value) || Array.isArray(value) ? (value as Readonly<Record<string, JsonValue>>) : {};
  return Object.hasOwn(inside, key) && key !== 'length' ? (inside[key] ?? undefined) : undefined;
}

/** The claims in a verified payload. @throws CofferError `invalid-request` for what is not a JSON object, or too much of one */
export function parseClaims(payload: Uint8Array): Claims {
  let parsed: unknown;
  try {
    parsed = parseBoundedJson(Buffer.from(payload).toString('utf8'));
  } catch (thrown) {
    if (thrown instanceof CofferError) throw thrown;
  }
  if (isJsonObject(parsed)) return plainNumbers(parsed);
  throw refusal('the claims are not a JSON object');
}

/**
 * What a token claims, whoever has signed it: only for what somebody else verifies afterwards.
 * @throws CofferError `invalid-request` for what is no JWT
 */
export function unverifiedClaims(token: string): Claims {
  const [, payload, signature, more] = token.split('.', 4);
  if (token.length > MAX_JWT_LENGTH || !payload || !signature || more !== undefined) throw refusal('malformed jwt');
  return parseClaims(Buffer.from(payload, 'base64url'));
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
