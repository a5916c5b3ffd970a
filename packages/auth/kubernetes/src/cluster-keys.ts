import { fetchJson, type KeySet, parsePublicKey, RemoteKeys, StaticKeys } from '@coffer/jwt-keys';
import type { KubernetesConfig } from './config-entry.ts';

/** The keys that a cluster signs its service accounts' tokens with, for as long as the configuration names the same ones. */
export class ClusterKeys {
  #kept: { readonly name: string; readonly keys: readonly KeySet[] } | undefined;

  /** None where only the API server can tell. */
  of(config: KubernetesConfig): readonly KeySet[] {
    const name = JSON.stringify([config.pemKeys, config.jwksUrl, config.jwksCa]);
    if (this.#kept?.name !== name) this.#kept = { name, keys: keysOf(config) };
    return this.#kept.keys;
  }
}

function keysOf({ pemKeys, jwksUrl, jwksCa }: KubernetesConfig): readonly KeySet[] {
  return [
    ...(pemKeys.length > 0 ? [new StaticKeys(pemKeys.map(parsePublicKey))] : []),
    ...(jwksUrl !== '' ? [remoteKeys(jwksUrl, jwksCa)] : []),
  ];
}

export function remoteKeys(url: string, ca: string): RemoteKeys {
  return new RemoteKeys({ load: () => fetchJson(url, { ca }) });
}
