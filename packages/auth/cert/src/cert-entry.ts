import {
  type Entries,
  type EntryStorage,
  STORED_TOKEN_PARAMETERS,
  stored,
  type TokenParameters,
} from '@coffer/framework';

/** Who may log in: whoever has the certificate, or one that the authority has issued, within what is allowed. */
export interface CertEntry {
  /** PEM; more than one for an authority with several. */
  readonly certificate: string;
  readonly displayName: string;
  /** Globs; an empty list allows all. */
  readonly allowedNames: readonly string[];
  readonly allowedCommonNames: readonly string[];
  readonly allowedDnsSans: readonly string[];
  readonly allowedEmailSans: readonly string[];
  readonly allowedUriSans: readonly string[];
  readonly allowedOrganizationalUnits: readonly string[];
  /** `OID:GLOB`, all of which must fit. */
  readonly requiredExtensions: readonly string[];
  /** OIDs whose values become metadata of the token. */
  readonly allowedMetadataExtensions: readonly string[];
  readonly token: TokenParameters;
}

const { boolean, entry, string, strings } = stored;
const CERT = entry<CertEntry>({
  certificate: string(),
  displayName: string(),
  allowedNames: strings(),
  allowedCommonNames: strings(),
  allowedDnsSans: strings(),
  allowedEmailSans: strings(),
  allowedUriSans: strings(),
  allowedOrganizationalUnits: strings(),
  requiredExtensions: strings(),
  allowedMetadataExtensions: strings(),
  token: STORED_TOKEN_PARAMETERS,
});

/** Names do not distinguish case, as in Vault: the paths fold them. */
export function certsOf(storage: EntryStorage): Entries<CertEntry> {
  return storage.kept('certs/', CERT);
}

/** A list of serial numbers, in decimal, whose certificates count no more. */
export interface CrlEntry {
  readonly serials: readonly string[];
}

const CRL = entry<CrlEntry>({ serials: strings() });

export function crlsOf(storage: EntryStorage): Entries<CrlEntry> {
  return storage.kept('crls/', CRL);
}

export interface ConfigEntry {
  /** Renewals need no certificate. */
  readonly disableBinding: boolean;
  readonly enableIdentityAliasMetadata: boolean;
}

export const DEFAULT_CONFIG: ConfigEntry = { disableBinding: false, enableIdentityAliasMetadata: false };
const CONFIG = entry<ConfigEntry>({ disableBinding: boolean(), enableIdentityAliasMetadata: boolean() });

export function configOf(storage: EntryStorage): Entries<ConfigEntry> {
  return storage.kept('', CONFIG);
}

export async function readConfig(storage: EntryStorage): Promise<ConfigEntry> {
  return (await configOf(storage).get('config')) ?? DEFAULT_CONFIG;
}
