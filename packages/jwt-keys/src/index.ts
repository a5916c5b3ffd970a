/** Signed JWTs: the keys of an issuer, wherever they come from, and what a token claims once one of them has verified it. */
export {
  audiencesOf,
  claimAt,
  type Claims,
  type ClaimsExpected,
  checkClaims,
  MAX_JWT_LENGTH,
  unverifiedClaims,
} from './claims.ts';
export { Discovery, type Provider } from './discovery.ts';
export { checkCa, fetchJson, type FetchOptions, isPlainHttp, parseUrl } from './fetch-json.ts';
export { type KeySet, verifyWithAny } from './key-set.ts';
export { parsePublicKey } from './public-key.ts';
export { RemoteKeys } from './remote-keys.ts';
export { ALGORITHMS, StaticKeys } from './static-keys.ts';
export { headerOf } from './verify.ts';
