import { X509Certificate } from 'node:crypto';
import { CofferError } from '@coffer/base';

/** What a login looks at in a certificate (RFC 5280, 4). */
export interface Certificate {
  /** Compares names and checks signatures. */
  readonly x509: X509Certificate;
  /** In decimal, as Go prints it. */
  readonly serialNumber: string;
  readonly commonName: string;
  readonly organizationalUnits: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** Hexadecimal bytes with colons between; empty when there is none. */
  readonly subjectKeyId: string;
  readonly authorityKeyId: string;
  readonly isCa: boolean;
  /** How many authorities may stand between this one and an end. */
  readonly pathLength: number;
  /** OIDs of what it may be used for; undefined for everything. */
  readonly usages: readonly string[] | undefined;
  /** The OID of the algorithm that it is signed with. */
  readonly signatureAlgorithm: string;
  /** Values by OID, DER. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  readonly criticalExtensions: readonly string[];
}

/** Takes as long to load as the rest of a small server's start: only who uses certificates needs it. */
const loadLibrary = async () => {
  const [schema, x509, asn1] = await Promise.all([
    import('@peculiar/asn1-schema'),
    import('@peculiar/asn1-x509'),
    import('asn1js'),
  ]);
  return { ...schema, ...x509, fromBER: asn1.fromBER, StringBlock: asn1.BaseStringBlock };
};

const [COMMON_NAME, ORGANIZATIONAL_UNIT] = ['2.5.4.3', '2.5.4.11'];

/** @throws CofferError `invalid-request` for what is no certificate */
export async function parseCertificate(der: Uint8Array): Promise<Certificate> {
  const library = await loadLibrary();
  const { AsnConvert } = library;
  try {
    const x509 = new X509Certificate(der);
    const { tbsCertificate: content, signatureAlgorithm } = AsnConvert.parse(x509.raw, library.Certificate);
    const extensions = new Map<string, Uint8Array>(
      (content.extensions ?? []).map(({ extnID, extnValue }) => [extnID, new Uint8Array(extnValue.buffer)]),
    );
    const read = <T>(oid: string, type: new () => T): T | undefined => {
      const value = extensions.get(oid);
      return value && AsnConvert.parse(value, type);
    };
    const attributes = [...content.subject].flatMap((relative) => [...relative]);
    const named = (oid: string): string[] =>
      attributes.filter(({ type }) => type === oid).map(({ value }) => value.toString());
    const names = [...(read(library.id_ce_subjectAltName, library.SubjectAlternativeName) ?? [])];
    const constraints = read(library.id_ce_basicConstraints, library.BasicConstraints);
    const usages = read(library.id_ce_extKeyUsage, library.ExtendedKeyUsage);
    return {
      x509,
      serialNumber: decimal(content.serialNumber),
      commonName: named(COMMON_NAME).at(-1) ?? '',
      organizationalUnits: named(ORGANIZATIONAL_UNIT),
      dnsNames: names.flatMap(({ dNSName }) => dNSName ?? []),
      emailAddresses: names.flatMap(({ rfc822Name }) => rfc822Name ?? []),
      uris: names.flatMap(({ uniformResourceIdentifier }) => uniformResourceIdentifier ?? []),
      subjectKeyId: hex(read(library.id_ce_subjectKeyIdentifier, library.SubjectKeyIdentifier)?.buffer),
      authorityKeyId: hex(
        read(library.id_ce_authorityKeyIdentifier, library.AuthorityKeyIdentifier)?.keyIdentifier?.buffer,
      ),
      isCa: constraints?.cA === true,
      pathLength: constraints?.pathLenConstraint ?? Number.POSITIVE_INFINITY,
      usages: usages && [...usages],
      signatureAlgorithm: signatureAlgorithm.algorithm,
      extensions,
      criticalExtensions: (content.extensions ?? []).flatMap(({ extnID, critical }) => (critical ? extnID : [])),
    };
  } catch {
    // The library's own words may quote what was given.
    throw new CofferError('invalid-request', 'failed to parse certificate');
  }
}

/** The most certificates that one PEM text may hold. */
const MAX_CERTIFICATES = 64;

/** The certificates in a PEM text, in their order; none where there is nothing that is one. */
export async function parsePem(pem: string): Promise<readonly Certificate[]> {
  const blocks = [
    ...pem.matchAll(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----([^-]*)-----END (?:TRUSTED )?CERTIFICATE-----/g),
  ];
  if (blocks.length > MAX_CERTIFICATES) {
    throw new CofferError('invalid-request', `field "certificate" has more than ${MAX_CERTIFICATES} certificates`);
  }
  return Promise.all(blocks.map(([, text = '']) => parseCertificate(Buffer.from(text, 'base64'))));
}

/** The text in an extension's value; empty for a value that is no text. */
export async function textIn(value: Uint8Array): Promise<string> {
  const { fromBER, StringBlock } = await loadLibrary();
  const { result } = fromBER(Uint8Array.from(value));
  return result instanceof StringBlock ? result.getValue() : '';
}

/**
 * The serial numbers in a list of revoked certificates (RFC 5280, 5.1), in decimal. By its elements: `@peculiar/asn1-x509` finds nobody
 * revoked in a list that has no `nextUpdate`.
 * @throws CofferError `invalid-request` for what is none
 */
export async function parseCrl(text: string): Promise<readonly string[]> {
  const [, block = text] = /-----BEGIN (?:X509 )?CRL-----([^-]*)-----END (?:X509 )?CRL-----/.exec(text) ?? [];
  const { fromBER, Sequence, Integer, UTCTime, GeneralizedTime } = await import('asn1js');
  const malformed = new CofferError('invalid-request', 'failed to parse CRL: it must be an X.509 CRL in PEM');
  const itemsOf = (element: unknown): readonly unknown[] => {
    if (element instanceof Sequence) return element.valueBlock.value;
    throw malformed;
  };
  const [content, algorithm, signature, ...rest] = itemsOf(
    fromBER(Uint8Array.from(Buffer.from(block, 'base64'))).result,
  );
  const items = itemsOf(content);
  const [signedWith, issuer, thisUpdate, ...behind] = items[0] instanceof Integer ? items.slice(1) : items;
  const isTime = (element: unknown): boolean => element instanceof UTCTime || element instanceof GeneralizedTime;
  itemsOf(algorithm);
  itemsOf(signedWith);
  itemsOf(issuer);
  if (signature === undefined || rest.length > 0 || !isTime(thisUpdate)) throw malformed;
  const [revoked] = isTime(behind[0]) ? behind.slice(1) : behind;
  if (!(revoked instanceof Sequence)) return [];
  return itemsOf(revoked).map((entry) => {
    const [serial] = itemsOf(entry);
    if (serial instanceof Integer) return decimal(serial.valueBlock.valueHexView);
    throw malformed;
  });
}

function decimal(bytes: ArrayBuffer | Uint8Array): string {
  return BigInt(`0x${Buffer.from(bytes as Uint8Array).toString('hex') || '0'}`).toString();
}

function hex(bytes: ArrayBuffer | undefined): string {
  return bytes === undefined
    ? ''
    : Buffer.from(bytes)
        .toString('hex')
        .replace(/..(?=.)/g, '$&:');
}
