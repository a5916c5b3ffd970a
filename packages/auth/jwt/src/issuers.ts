import { Discovery, fetchJson, type KeySet, parsePublicKey, RemoteKeys, StaticKeys } from '@coffer/jwt-keys';
import type { JwtConfig } from './config-entry.ts';

/** Whoever signs the tokens of a mount. */
export interface Issuer {
  readonly keys: readonly KeySet[];
  /** Where it is an OpenID provider that is known by its address. */
  readonly discovery: Discovery | undefined;
  /** Asks it for its keys. @throws CofferError `failed` when they cannot be had */
  check(): Promise<void>;
}

/** The issuer of a mount with the keys that it has published, for as long as the configuration names the same one. */
export class Issuers {
  #kept: { readonly name: string; readonly issuer: Issuer } | undefined;

  of(config: JwtConfig): Issuer {
    const { discoveryUrl, discoveryCa, jwksUrl, jwksCa, jwksPairs, publicKeys } = config;
    const name = JSON.stringify([discoveryUrl, discoveryCa, jwksUrl, jwksCa, jwksPairs, publicKeys]);
    if (this.#kept?.name !== name) this.#kept = { name, issuer: issuerOf(config) };
    return this.#kept.issuer;
  }
}

export function issuerOf(config: JwtConfig): Issuer {
  const { discoveryUrl, discoveryCa, jwksUrl, jwksCa, jwksPairs, publicKeys } = config;
  if (discoveryUrl !== '') {
    const discovery = new Discovery(discoveryUrl, discoveryCa);
    return { keys: [discovery.keys], discovery, check: async () => void (await discovery.keys.check()) };
  }
  const pairs = jwksUrl === '' ? jwksPairs : [{ url: jwksUrl, ca: jwksCa }];
  const remote = pairs.map(({ url, ca }) => new RemoteKeys({ load: () => fetchJson(url, { ca }) }));
  const local = publicKeys.length === 0 ? [] : [new StaticKeys(publicKeys.map(parsePublicKey))];
  return {
    keys: [...local, ...remote],
    discovery: undefined,
    check: async () => {
      for (const keys of remote) await keys.check();
    },
  };
}
