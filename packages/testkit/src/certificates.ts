import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { CofferError } from '@coffer/base';
import { bits, explicit, implicit, integer, objectIdentifier, octets, sequence, set, time, TRUE, utf8 } from './der.ts';

export interface CertificateRequest {
  readonly commonName: string;
  /** Names the certificate is good for. A server is checked by these, never by its common name. */
  readonly dnsNames?: readonly string[];
  /** IPv4 or IPv6 addresses in their usual text form. */
  readonly ipAddresses?: readonly string[];
  /** True: for a client to show (extended key usage clientAuth). Default false: for a server. */
  readonly client?: boolean;
  /** Default: from an hour ago until in a year. */
  readonly validity?: { readonly notBefore: Date; readonly notAfter: Date };
  /** Encrypts the private key (PKCS #8, AES-256-CBC), for `sslpassword`. Default: not encrypted. */
  readonly passphrase?: string;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly privateKeyPem: string;
}

export interface CertificateAuthority {
  readonly certificatePem: string;
  issue(request: CertificateRequest): IssuedCertificate;
}

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
/** Object identifiers of RFC 5280. */
const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};
/** KeyUsage bits 0 (digitalSignature), and 5 and 6 (keyCertSign, cRLSign): RFC 5280, 4.2.1.3. */
const USAGE_SIGN = bits(Buffer.from([0x80]), 7);
const USAGE_CERTIFY = bits(Buffer.from([0x06]), 1);

/**
 * A new self-signed certificate authority with a P-256 key, for tests and the demo. Its key lives in this object only.
 * X.509 v3 by RFC 5280, signed with ECDSA and SHA-256.
 */
export function createCertificateAuthority(name = 'Coffer test CA'): CertificateAuthority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const own = { name, key: pair.privateKey, keyId: keyIdentifier(pair.publicKey) };
  const certificate = certify(own, name, pair.publicKey, yearFromNow(), [
    extension(OID.basicConstraints, sequence(TRUE), true),
    extension(OID.keyUsage, USAGE_CERTIFY, true),
    extension(OID.subjectKeyIdentifier, octets(own.keyId)),
  ]);
  return { certificatePem: pem(certificate), issue: (request) => issue(own, request) };
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
  readonly keyId: Buffer;
}

function issue(issuer: Issuer, request: CertificateRequest): IssuedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const names = [
    ...(request.dnsNames ?? []).map((name) => implicit(2, Buffer.from(name, 'ascii'))),
    ...(request.ipAddresses ?? []).map((address) => implicit(7, addressBytes(address))),
  ];
  const certificate = certify(issuer, request.commonName, publicKey, request.validity ?? yearFromNow(), [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, USAGE_SIGN, true),
    extension(
      OID.extendedKeyUsage,
      sequence(objectIdentifier(request.client === true ? OID.clientAuth : OID.serverAuth)),
    ),
    extension(OID.subjectKeyIdentifier, octets(keyIdentifier(publicKey))),
    extension(OID.authorityKeyIdentifier, sequence(implicit(0, issuer.keyId))),
    ...(names.length === 0 ? [] : [extension(OID.subjectAltName, sequence(...names))]),
  ]);
  const { passphrase } = request;
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString();
  return { certificatePem: pem(certificate), privateKeyPem };
}

function yearFromNow(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + YEAR_MS) };
}

function certify(
  issuer: Issuer,
  subject: string,
  publicKey: KeyObject,
  validity: { readonly notBefore: Date; readonly notAfter: Date },
  extensions: readonly Buffer[],
): Buffer {
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer.name),
    sequence(time(validity.notBefore), time(validity.notAfter)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions)),
  );
  return sequence(toBeSigned, ECDSA_WITH_SHA256, bits(sign('sha256', toBeSigned, issuer.key)));
}

/** Random, positive, and without a leading zero byte, which DER does not allow. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier(OID.commonName), utf8(commonName))));
}

function extension(oid: string, value: Buffer, critical = false): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [TRUE] : []), octets(value));
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text = ''): string[] => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = groups(tail);
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const hex = [...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join('');
  if (isIPv6(address) && /^[0-9a-f]{32}$/i.test(hex)) return Buffer.from(hex, 'hex');
  throw new CofferError(
    'invalid-request',
    `field "ipAddresses": ${JSON.stringify(address)} is not an IPv4 address like 127.0.0.1 or an IPv6 address like ::1`,
  );
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
