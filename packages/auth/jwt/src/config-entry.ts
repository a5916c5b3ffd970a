import type { JsonObject } from '@coffer/base';
import { type Entries, type EntryStorage, stored } from '@coffer/framework';

/** Where the keys come from, and who we are to the provider. Texts are empty where nothing is set. */
export interface JwtConfig {
  readonly discoveryUrl: string;
  readonly discoveryCa: string;
  readonly clientId: string;
  /** Empty for an issuer that is only asked for its keys. */
  readonly clientSecret: string;
  /** As it was written, to be shown: every mode that is taken is the code flow with a query. */
  readonly responseMode: string;
  readonly responseTypes: readonly string[];
  readonly jwksUrl: string;
  readonly jwksCa: string;
  readonly jwksPairs: readonly JwksPair[];
  /** PEM. */
  readonly publicKeys: readonly string[];
  readonly supportedAlgorithms: readonly string[];
  readonly boundIssuer: string;
  readonly defaultRole: string;
  readonly namespaceInState: boolean;
}

export interface JwksPair {
  readonly url: string;
  readonly ca: string;
}

const { boolean, entry, list, string, strings } = stored;
const CONFIG = entry<JwtConfig>({
  discoveryUrl: string(),
  discoveryCa: string(),
  clientId: string(),
  clientSecret: string(),
  responseMode: string(),
  responseTypes: strings(),
  jwksUrl: string(),
  jwksCa: string(),
  jwksPairs: list(entry<JwksPair>({ url: string(), ca: string() })),
  publicKeys: strings(),
  supportedAlgorithms: strings(),
  boundIssuer: string(),
  defaultRole: string(),
  namespaceInState: boolean(),
});

/** The name of the only entry. */
export const CONFIG_NAME = 'config';

export function configOf(storage: EntryStorage): Entries<JwtConfig> {
  return storage.kept('', CONFIG);
}

/** All but the client secret. */
export function configView(config: JwtConfig): JsonObject {
  return {
    bound_issuer: config.boundIssuer,
    default_role: config.defaultRole,
    jwks_ca_pem: config.jwksCa,
    jwks_pairs: config.jwksPairs.map(({ url, ca }) => ({ jwks_url: url, jwks_ca_pem: ca })),
    jwks_url: config.jwksUrl,
    jwt_supported_algs: config.supportedAlgorithms,
    jwt_validation_pubkeys: config.publicKeys,
    namespace_in_state: config.namespaceInState,
    oidc_client_id: config.clientId,
    oidc_discovery_ca_pem: config.discoveryCa,
    oidc_discovery_url: config.discoveryUrl,
    oidc_response_mode: config.responseMode,
    oidc_response_types: config.responseTypes,
    provider_config: {},
    unsupported_critical_cert_extensions: [],
  };
}
