import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A one-time identity for one plugin process, in the two forms the two ends exchange. */
export interface Certificate {
  /** PEM: goes into `PLUGIN_CLIENT_CERT`, since an environment variable cannot hold DER. */
  readonly certificatePem: string;
  /** DER: goes, in unpadded base64, into the handshake line, since that line cannot hold PEM. */
  readonly certificateDer: Buffer;
  readonly privateKeyPem: string;
}

const YEARS_30_MS = 30 * 365.25 * 24 * 3600 * 1000;
const CLOCK_SKEW_MS = 30_000;
const USAGES =
  KeyUsageFlags.digitalSignature |
  KeyUsageFlags.keyEncipherment |
  KeyUsageFlags.keyAgreement |
  KeyUsageFlags.keyCertSign;

/**
 * Makes a self-signed certificate for AutoMTLS: `localhost`, usable as its own authority, for both ends of a connection
 * (hashicorp/go-plugin:mtls.go makes the same with P-521; hosts take P-256, which costs less at every start).
 */
export async function createCertificate(): Promise<Certificate> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ O: ['Coffer'] }, { CN: ['localhost'] }],
    keys,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + YEARS_30_MS),
    extensions: [
      new KeyUsagesExtension(USAGES, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth]),
      new BasicConstraintsExtension(true, undefined, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  });
  const certificateDer = Buffer.from(certificate.rawData);
  return {
    certificateDer,
    certificatePem: certificatePem(certificateDer),
    privateKeyPem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A certificate's DER in PEM (RFC 7468), without a look at what it holds. */
export function certificatePem(der: Buffer): string {
  return `${PemConverter.encode(der, PemConverter.CertificateTag)}\n`;
}
