import type { Secret } from '@coffer/base';
import { type Entries, type EntryStorage, stored } from '@coffer/framework';

/** The cluster. Texts are empty where nothing is set. */
export interface KubernetesConfig {
  /** URL of the API server; empty where tokens are verified by the cluster's keys alone. */
  readonly host: string;
  /** PEM. */
  readonly caCert: string;
  readonly tokenReviewerJwt: string;
  /** PEM. */
  readonly pemKeys: readonly string[];
  readonly jwksUrl: string;
  /** PEM. */
  readonly jwksCa: string;
  readonly issuer: string;
  readonly disableIssValidation: boolean;
  readonly disableLocalCaJwt: boolean;
}

const { boolean, entry, string, strings } = stored;
const CONFIG = entry<KubernetesConfig>({
  host: string(),
  caCert: string(),
  tokenReviewerJwt: string(),
  pemKeys: strings(),
  jwksUrl: string(),
  jwksCa: string(),
  issuer: string(),
  disableIssValidation: boolean(),
  disableLocalCaJwt: boolean(),
});

/** The name of the only entry. */
export const CONFIG_NAME = 'config';

export function configOf(storage: EntryStorage): Entries<KubernetesConfig> {
  return storage.kept('', CONFIG);
}

/** The API server with what is needed to ask it. */
export interface ApiServer {
  readonly host: string;
  /** PEM; empty for the authorities of the system. */
  readonly ca: string;
  /** Absent: the token that is to be reviewed asks for itself. */
  readonly reviewer: Secret | undefined;
}
