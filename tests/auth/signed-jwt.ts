/** JWTs signed by hand, so that what verifies them is not what made them. */
import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { JsonObject } from '@coffer/base';

export interface SigningKey {
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256' | 'PS256' | 'EdDSA';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function newKey(alg: SigningKey['alg'] = 'RS256', bits = 2048): SigningKey {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: bits });
  return { kid: randomUUID(), alg, ...pair };
}

export function publicPem({ publicKey }: SigningKey): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

export function publicJwk({ publicKey, kid, alg }: SigningKey): JsonWebKey & { kid: string } {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token; what `header` gives stands in it in place of what is true. */
export function signJwt(key: SigningKey, claims: JsonObject, header: JsonObject = {}): string {
  const text = `${encode({ alg: key.alg, typ: 'JWT', kid: key.kid, ...header })}.${encode(claims)}`;
  return `${text}.${signatureOf(key, Buffer.from(text)).toString('base64url')}`;
}

function signatureOf({ alg, privateKey }: SigningKey, data: Buffer): Buffer {
  if (alg === 'EdDSA') return sign(null, data, privateKey);
  if (alg === 'ES256') return sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  if (alg === 'PS256') return sign('sha256', data, { key: privateKey, padding: 6, saltLength: 32 });
  return sign('sha256', data, privateKey);
}

/** A token with an HMAC where the verifier expects a public key's signature: `secret` is what it might take for the key. */
export function hmacJwt(secret: string, claims: JsonObject, header: JsonObject = {}): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** A token that nobody has signed. */
export function unsignedJwt(claims: JsonObject, header: JsonObject = { alg: 'none' }): string {
  return `${encode(header)}.${encode(claims)}.`;
}

/** Seconds since 1970. */
export function seconds(fromNow = 0): number {
  return Math.floor(Date.now() / 1000) + fromNow;
}
