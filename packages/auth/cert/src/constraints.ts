import { globMatches } from '@coffer/framework';
import type { CertEntry } from './cert-entry.ts';
import { type Certificate, textIn } from './certificate.ts';

/** Whether an entry allows this certificate: of each list that is not empty something must fit. */
export async function isAllowed(entry: CertEntry, certificate: Certificate): Promise<boolean> {
  const { commonName, dnsNames, emailAddresses, uris, organizationalUnits } = certificate;
  const lists: readonly (readonly [readonly string[], readonly string[]])[] = [
    [entry.allowedNames, [commonName, ...dnsNames, ...emailAddresses]],
    [entry.allowedCommonNames, [commonName]],
    [entry.allowedDnsSans, dnsNames],
    [entry.allowedEmailSans, emailAddresses],
    [entry.allowedUriSans, uris],
    [entry.allowedOrganizationalUnits, organizationalUnits],
  ];
  if (!lists.every(([globs, names]) => globs.length === 0 || fits(globs, names))) return false;
  for (const required of entry.requiredExtensions) {
    if (!(await hasExtension(certificate, required))) return false;
  }
  return true;
}

function fits(globs: readonly string[], names: readonly string[]): boolean {
  return globs.some((glob) => names.some((name) => globMatches(glob, name)));
}

/** `OID:GLOB` for a value that is text, `hex:OID:GLOB` for the hexadecimal bytes of any. */
async function hasExtension({ extensions }: Certificate, required: string): Promise<boolean> {
  const isHex = required.startsWith('hex:');
  const [oid = '', ...glob] = (isHex ? required.slice('hex:'.length) : required).split(':');
  const value = extensions.get(oid);
  if (value === undefined) return false;
  return globMatches(glob.join(':'), isHex ? Buffer.from(value).toString('hex') : await textIn(value));
}

/** What the token of a login says of the certificate. Dots in an OID would mean something in a policy's template. */
export async function metadataOf(
  name: string,
  entry: CertEntry,
  certificate: Certificate,
): Promise<Record<string, string>> {
  const { commonName, serialNumber, subjectKeyId, authorityKeyId, extensions } = certificate;
  const metadata: Record<string, string> = {
    cert_name: name,
    common_name: commonName,
    serial_number: serialNumber,
    subject_key_id: subjectKeyId,
    authority_key_id: authorityKeyId,
  };
  for (const oid of entry.allowedMetadataExtensions) {
    const value = extensions.get(oid);
    if (value !== undefined) metadata[oid.replaceAll('.', '-')] = await textIn(value);
  }
  return metadata;
}
