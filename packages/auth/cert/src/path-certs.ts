import { CofferError, type JsonObject } from '@coffer/base';
import {
  changeTokenParameters,
  definePath,
  type EntryStorage,
  type FieldValues,
  NEW_TOKEN_PARAMETERS,
  type Path,
  TOKEN_FIELDS,
  tokenParametersView,
} from '@coffer/framework';
import { type CertEntry, certsOf } from './cert-entry.ts';
import { parsePem } from './certificate.ts';

const NAMES = (of: string) => ({ type: 'comma-strings', description: `Globs, of which one must fit ${of}.` }) as const;
const OCSP = { type: 'string', description: 'Of no use without ocsp_enabled.' } as const;

const FIELDS = {
  name: { type: 'string', required: true, description: 'The name of the entry.' },
  certificate: { type: 'string', description: 'The trusted certificate, in PEM: an authority, or a single client.' },
  display_name: { type: 'string', description: "Shows in the tokens' names. Default: the name of the entry." },
  allowed_names: NAMES('the common name or a subject alternative name; older than those that follow'),
  allowed_common_names: NAMES('the common name'),
  allowed_dns_sans: NAMES('a DNS name'),
  allowed_email_sans: NAMES('an e-mail address'),
  allowed_uri_sans: NAMES('a URI'),
  allowed_organizational_units: NAMES('an organizational unit'),
  required_extensions: { type: 'comma-strings', description: 'OID:GLOB, or hex:OID:GLOB; all must fit.' },
  allowed_metadata_extensions: { type: 'comma-strings', description: "OIDs whose texts become the tokens' metadata." },
  ocsp_enabled: { type: 'boolean', description: 'Not supported: give revocation lists at crls/.' },
  ocsp_ca_certificates: OCSP,
  ocsp_servers_override: { ...OCSP, type: 'comma-strings' },
  ocsp_fail_open: { ...OCSP, type: 'boolean' },
  ocsp_query_all_servers: { ...OCSP, type: 'boolean' },
  ...TOKEN_FIELDS,
  policies: { type: 'comma-strings', description: 'Older spelling of token_policies.' },
  lease: { type: 'duration', description: 'Still older spelling of token_ttl.' },
  ttl: { type: 'duration', description: 'Older spelling of token_ttl.' },
  max_ttl: { type: 'duration', description: 'Older spelling of token_max_ttl.' },
  period: { type: 'duration', description: 'Older spelling of token_period.' },
  bound_cidrs: { type: 'comma-strings', description: 'Older spelling of token_bound_cidrs.' },
} as const;

/** `certs` (LIST) and `certs/:name`: which certificates log in, and what their tokens may. */
export function certsPaths(storage: EntryStorage): Path[] {
  const certs = certsOf(storage);
  return [
    definePath({
      pattern: 'certs',
      fields: {},
      synopsis: 'Lists the trusted certificates.',
      list: async ({ page }) => ({ data: { keys: await storage.list('certs/', page) } }),
    }),
    definePath({
      pattern: 'certs/:name',
      foldedNames: ['name'],
      fields: FIELDS,
      synopsis: 'Manages a trusted certificate, and the settings of the tokens.',
      read: async ({ fields }) => {
        const entry = await certs.get(fields.name);
        return entry && { data: certView(entry) };
      },
      write: async ({ fields }) => {
        const change = (previous: CertEntry): CertEntry => changed(previous, fields);
        await checkCertificate(change((await certs.get(fields.name)) ?? NEW_ENTRY).certificate);
        if (!(await certs.add(fields.name, change(NEW_ENTRY)))) await certs.update(fields.name, change);
        return undefined;
      },
      delete: async ({ fields }) => {
        await certs.delete(fields.name);
        return undefined;
      },
    }),
  ];
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

function changed(previous: CertEntry, fields: FieldValues<typeof FIELDS>): CertEntry {
  if (fields.ocsp_enabled === true) {
    throw new CofferError('invalid-request', 'field "ocsp_enabled" is not supported: give revocation lists at crls/');
  }
  const malformed = fields.required_extensions?.find((text) => !/^(?:hex:)?\d+(?:\.\d+)+:/.test(text));
  if (malformed !== undefined) {
    throw new CofferError('invalid-request', 'field "required_extensions" must hold texts like "1.2.3.4:value"');
  }
  return {
    certificate: fields.certificate ?? previous.certificate,
    displayName: (fields.display_name ?? previous.displayName) || fields.name,
    allowedNames: fields.allowed_names ?? previous.allowedNames,
    allowedCommonNames: fields.allowed_common_names ?? previous.allowedCommonNames,
    allowedDnsSans: fields.allowed_dns_sans ?? previous.allowedDnsSans,
    allowedEmailSans: fields.allowed_email_sans ?? previous.allowedEmailSans,
    allowedUriSans: fields.allowed_uri_sans ?? previous.allowedUriSans,
    allowedOrganizationalUnits: fields.allowed_organizational_units ?? previous.allowedOrganizationalUnits,
    requiredExtensions: fields.required_extensions ?? previous.requiredExtensions,
    allowedMetadataExtensions: fields.allowed_metadata_extensions ?? previous.allowedMetadataExtensions,
    token: changeTokenParameters(previous.token, tokenFields(fields)),
  };
}

function tokenFields(fields: FieldValues<typeof FIELDS>): FieldValues<typeof TOKEN_FIELDS> {
  return {
    ...fields,
    token_policies: fields.token_policies ?? fields.policies,
    token_ttl: fields.token_ttl ?? fields.ttl ?? fields.lease,
    token_max_ttl: fields.token_max_ttl ?? fields.max_ttl,
    token_period: fields.token_period ?? fields.period,
    token_bound_cidrs: fields.token_bound_cidrs ?? fields.bound_cidrs,
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
