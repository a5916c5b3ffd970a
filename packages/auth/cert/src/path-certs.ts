import { CofferError, type JsonObject } from '@coffer/base';
import {
  changeTokenParameters,
  type EngineContext,
  type FieldValues,
  NEW_TOKEN_PARAMETERS,
  OLDER_TOKEN_FIELDS,
  type Path,
  pathsOfRoles,
  TOKEN_FIELDS,
  tokenParametersView,
} from '@coffer/framework';
import { type CertEntry, certsOf } from './cert-entry.ts';
import { parsePem } from './certificate.ts';

const NAMES = (of: string) => ({ type: 'comma-strings', description: `Globs, of which one must fit ${of}.` }) as const;
const OCSP = { type: 'string', description: 'No effect: ocsp_enabled is not supported.' } as const;

const FIELDS = {
  certificate: { type: 'string', description: 'The trusted certificate, in PEM: an authority, or a single client.' },
  display_name: { type: 'string', description: "Part of the tokens' display names. Default: the name of the entry." },
  allowed_names: NAMES('the common name or a subject alternative name; older than those that follow'),
  allowed_common_names: NAMES('the common name'),
  allowed_dns_sans: NAMES('a DNS name'),
  allowed_email_sans: NAMES('an email address'),
  allowed_uri_sans: NAMES('a URI'),
  allowed_organizational_units: NAMES('an organizational unit'),
  required_extensions: { type: 'comma-strings', description: 'OID:GLOB, or hex:OID:GLOB; all must fit.' },
  allowed_metadata_extensions: { type: 'comma-strings', description: "OIDs whose texts become the tokens' metadata." },
  ocsp_enabled: { type: 'boolean', description: 'Not supported: write revocation lists to crls/.' },
  ocsp_ca_certificates: OCSP,
  ocsp_servers_override: { ...OCSP, type: 'comma-strings' },
  ocsp_fail_open: { ...OCSP, type: 'boolean' },
  ocsp_query_all_servers: { ...OCSP, type: 'boolean' },
  ...TOKEN_FIELDS,
  lease: { type: 'duration', description: 'Oldest spelling of token_ttl.' },
  policies: OLDER_TOKEN_FIELDS.policies,
  ttl: OLDER_TOKEN_FIELDS.ttl,
  max_ttl: OLDER_TOKEN_FIELDS.max_ttl,
  period: OLDER_TOKEN_FIELDS.period,
  bound_cidrs: OLDER_TOKEN_FIELDS.bound_cidrs,
} as const;

/** `certs` (LIST) and `certs/:name`: which certificates log in, and what their tokens may. */
export function certsPaths(context: Pick<EngineContext, 'storage' | 'ttlLimits'>): Path[] {
  return pathsOfRoles(context, {
    pattern: 'certs',
    roles: certsOf(context.storage),
    fields: FIELDS,
    synopsis: {
      list: 'Lists the trusted certificates.',
      one: 'Manages a trusted certificate, and the settings of the tokens.',
    },
    initial: NEW_ENTRY,
    change: changed,
    check: ({ certificate }) => checkCertificate(certificate),
    view: certView,
    longPeriod: 'warn',
    creates: false,
  });
}

const NEW_ENTRY: CertEntry = {
  certificate: '',
  displayName: '',
  allowedNames: [],
  allowedCommonNames: [],
  allowedDnsSans: [],
  allowedEmailSans: [],
  allowedUriSans: [],
  allowedOrganizationalUnits: [],
  requiredExtensions: [],
  allowedMetadataExtensions: [],
  token: NEW_TOKEN_PARAMETERS,
};

function changed(previous: CertEntry, fields: FieldValues<typeof FIELDS>, name: string): CertEntry {
  if (fields.ocsp_enabled === true) {
    throw new CofferError('invalid-request', 'field "ocsp_enabled" is not supported: write revocation lists to crls/');
  }
  const malformed = fields.required_extensions?.find((text) => !/^(?:hex:)?\d+(?:\.\d+)+:/.test(text));
  if (malformed !== undefined) {
    throw new CofferError('invalid-request', 'field "required_extensions" must contain strings like "1.2.3.4:value"');
  }
  return {
    certificate: fields.certificate ?? previous.certificate,
    displayName: (fields.display_name ?? previous.displayName) || name,
    allowedNames: fields.allowed_names ?? previous.allowedNames,
    allowedCommonNames: fields.allowed_common_names ?? previous.allowedCommonNames,
    allowedDnsSans: fields.allowed_dns_sans ?? previous.allowedDnsSans,
    allowedEmailSans: fields.allowed_email_sans ?? previous.allowedEmailSans,
    allowedUriSans: fields.allowed_uri_sans ?? previous.allowedUriSans,
    allowedOrganizationalUnits: fields.allowed_organizational_units ?? previous.allowedOrganizationalUnits,
    requiredExtensions: fields.required_extensions ?? previous.requiredExtensions,
    allowedMetadataExtensions: fields.allowed_metadata_extensions ?? previous.allowedMetadataExtensions,
    token: changeTokenParameters(previous.token, { ...fields, ttl: fields.ttl ?? fields.lease }),
  };
}

const CLIENT_USAGES = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'];
const NAME_CONSTRAINTS = '2.5.29.30';

/** @throws CofferError `invalid-request` for what no client could ever log in with */
async function checkCertificate(pem: string): Promise<void> {
  const parsed = await parsePem(pem);
  const [first] = parsed;
  if (first === undefined) throw new CofferError('invalid-request', 'failed to parse certificate');
  if (!first.isCa && first.usages?.every((usage) => !CLIENT_USAGES.includes(usage)) === true) {
    throw new CofferError(
      'invalid-request',
      'nonCA certificates should have TLS client authentication set as an extended key usage',
    );
  }
  if (parsed.some(({ extensions }) => extensions.has(NAME_CONSTRAINTS))) {
    throw new CofferError(
      'invalid-request',
      'field "certificate": authorities with name constraints are not supported',
    );
  }
}

function certView(entry: CertEntry): JsonObject {
  return {
    certificate: entry.certificate,
    display_name: entry.displayName,
    allowed_names: entry.allowedNames,
    allowed_common_names: entry.allowedCommonNames,
    allowed_dns_sans: entry.allowedDnsSans,
    allowed_email_sans: entry.allowedEmailSans,
    allowed_uri_sans: entry.allowedUriSans,
    allowed_organizational_units: entry.allowedOrganizationalUnits,
    required_extensions: entry.requiredExtensions,
    allowed_metadata_extensions: entry.allowedMetadataExtensions,
    ocsp_enabled: false,
    ocsp_ca_certificates: '',
    ocsp_servers_override: [],
    ocsp_fail_open: false,
    ocsp_query_all_servers: false,
    ...tokenParametersView(entry.token),
  };
}
