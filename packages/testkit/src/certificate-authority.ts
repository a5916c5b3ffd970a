import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { CofferError } from '@coffer/base';
import { Utf8String } from 'asn1js';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  Extension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';

export interface CertificateRequest {
  readonly commonName: string;
  /** Names the certificate is good for. A server is checked by these, never by its common name. */
  readonly dnsNames?: readonly string[];
  /** IPv4 or IPv6 addresses in their usual text form. */
  readonly ipAddresses?: readonly string[];
  readonly emailAddresses?: readonly string[];
  readonly uris?: readonly string[];
  readonly organizationalUnit?: string;
  /** Extensions that hold a text, by OID. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Default: new ones. For a certificate that is issued anew. */
  readonly keys?: webcrypto.CryptoKeyPair;
  /** True: for a client to show (extended key usage clientAuth). Default false: for a server. */
  readonly client?: boolean;
  /** Default: from an hour ago until in a year. Fractions of a second are dropped. */
  readonly validity?: { readonly notBefore: Date; readonly notAfter: Date };
  /** Encrypts the private key (PKCS #8, AES-256-CBC), for `sslpassword`. Default: not encrypted. */
  readonly passphrase?: string;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly privateKeyPem: string;
  readonly keys: webcrypto.CryptoKeyPair;
  /** Hexadecimal. */
  readonly serialNumber: string;
}

export interface CertificateAuthority {
  readonly certificatePem: string;
  /** @throws CofferError `invalid-request` when one of `ipAddresses` is none */
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
  /** Another authority, whose certificate this one has issued. */
  issueAuthority(name: string): Promise<CertificateAuthority>;
  /** A list of revoked certificates, PEM. `nextUpdate`: when the next one is to come. Default: it does not say. */
  revoke(certificates: readonly IssuedCertificate[], nextUpdate?: Date): Promise<string>;
}

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };

/** What `createCertificateAuthority` says. */
export async function newAuthority(name: string, parent?: Issuer): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, false, ['sign', 'verify']);
  const issuer = { name: distinguishedName(name), keys };
  const { name: issuerName, keys: issuerKeys } = parent ?? issuer;
  const certificate = await X509CertificateGenerator.create({
    subject: issuer.name,
    issuer: issuerName,
    publicKey: keys.publicKey,
    signingKey: issuerKeys.privateKey,
    ...yearFromNow(),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(parent === undefined ? [] : [await AuthorityKeyIdentifierExtension.create(issuerKeys.publicKey)]),
    ],
  });
  return {
    certificatePem: pem(certificate),
    issue: (request) => issue(issuer, request),
    issueAuthority: (other) => newAuthority(other, issuer),
    async revoke(certificates, nextUpdate) {
      const crl = await X509CrlGenerator.create({
        issuer: issuer.name,
        signingKey: keys.privateKey,
        signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
        ...(nextUpdate && { nextUpdate }),
        entries: certificates.map(({ serialNumber }) => ({ serialNumber })),
      });
      return `${crl.toString('pem').replaceAll(' CRL-', ' X509 CRL-')}\n`;
    },
  };
}

interface Issuer {
  readonly name: Name;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function issue(issuer: Issuer, request: CertificateRequest): Promise<IssuedCertificate> {
  const names = alternativeNames(request);
  const keys = request.keys ?? (await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']));
  const { publicKey, privateKey } = keys;
  const certificate = await X509CertificateGenerator.create({
    subject: distinguishedName(request.commonName, request.organizationalUnit),
    issuer: issuer.name,
    publicKey,
    signingKey: issuer.keys.privateKey,
    ...(request.validity ?? yearFromNow()),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        request.client === true ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
      ]),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ...Object.entries(request.texts ?? {}).map(
        ([oid, text]) => new Extension(oid, false, new Utf8String({ value: text }).toBER()),
      ),
    ],
  });
  const { passphrase } = request;
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  const privateKeyPem = KeyObject.from(privateKey)
    .export({ type: 'pkcs8', format: 'pem', ...encryption })
    .toString();
  return { certificatePem: pem(certificate), privateKeyPem, keys, serialNumber: certificate.serialNumber };
}

function yearFromNow(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + YEAR_MS) };
}

/** As an object and not as text, in which commas, quotes and the like would have a meaning. */
function distinguishedName(commonName: string, organizationalUnit?: string): Name {
  const unit = organizationalUnit === undefined ? [] : [{ OU: [{ utf8String: organizationalUnit }] }];
  return new Name([...unit, { CN: [{ utf8String: commonName }] }]);
}

function alternativeNames(request: CertificateRequest): JsonGeneralNames {
  return [
    ...(request.emailAddresses ?? []).map((value) => ({ type: 'email' as const, value })),
    ...(request.uris ?? []).map((value) => ({ type: 'url' as const, value })),
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((address) => ({ type: 'ip' as const, value: plainAddress(address) })),
  ];
}

/** The library misreads an IPv6 address with a zone or a dotted end: it gets only what it reads right. */
function plainAddress(address: string): string {
  if (isIPv4(address)) return address;
  // A URL's host has no zone, and is written in hexadecimal groups only.
  const url = `http://[${address}]`;
  if (isIPv6(address) && URL.canParse(url)) return new URL(url).hostname.slice(1, -1);
  throw new CofferError(
    'invalid-request',
    `field "ipAddresses": ${JSON.stringify(address)} is not an IPv4 address like 127.0.0.1 or an IPv6 address like ::1`,
  );
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
