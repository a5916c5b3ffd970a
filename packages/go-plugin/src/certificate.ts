import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

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

/**
 * Makes a self-signed certificate for AutoMTLS: `localhost`, usable as its own authority, for both ends of a connection
 * (hashicorp/go-plugin:mtls.go makes the same with P-521; hosts take P-256, which costs less at every start).
 *
 * Only what this one certificate needs is encoded here (RFC 5280 section 4.1): a general X.509 library costs 65 ms of
 * every plugin start.
 */
export function createCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const content = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ECDSA_WITH_SHA256,
    NAME,
    sequence(time(new Date(now - CLOCK_SKEW_MS)), time(new Date(now + YEARS_30_MS))),
    NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...EXTENSIONS)),
  );
  const signature = sign('sha256', content, { key: privateKey, dsaEncoding: 'der' });
  const certificateDer = sequence(content, ECDSA_WITH_SHA256, element(0x03, Buffer.from([0]), signature));
  return {
    certificateDer,
    certificatePem: certificatePem(certificateDer),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A certificate's DER in PEM (RFC 7468: lines of 64 characters). */
export function certificatePem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Positive, without leading zero byte, at most 20 bytes (RFC 5280 section 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

/** One DER element: tag, length, content (ITU-T X.690). */
function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function sequence(...content: readonly Uint8Array[]): Buffer {
  return element(0x30, ...content);
}

function explicit(number: number, content: Uint8Array): Buffer {
  return element(0xa0 + number, content);
}

function integer(bytes: Uint8Array): Buffer {
  return element(0x02, bytes);
}

function objectIdentifier(encoded: string): Buffer {
  return element(0x06, Buffer.from(encoded, 'hex'));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2), 'ascii'))
    : element(0x18, Buffer.from(digits, 'ascii'));
}

function nameAttribute(type: string, value: string): Buffer {
  return element(0x31, sequence(objectIdentifier(type), element(0x0c, Buffer.from(value, 'utf8'))));
}

function extension(type: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [Buffer.from('0101ff', 'hex')] : [];
  return sequence(objectIdentifier(type), ...flag, element(0x04, value));
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('2a8648ce3d040302'));
const NAME = sequence(nameAttribute('55040a', 'Coffer'), nameAttribute('550403', 'localhost'));
const EXTENSIONS = [
  // keyUsage: digitalSignature, keyEncipherment, keyAgreement, keyCertSign
  extension('551d0f', true, Buffer.from('030202ac', 'hex')),
  // extKeyUsage: clientAuth, serverAuth
  extension('551d25', false, sequence(objectIdentifier('2b06010505070302'), objectIdentifier('2b06010505070301'))),
  // basicConstraints: CA
  extension('551d13', true, sequence(Buffer.from('0101ff', 'hex'))),
  // subjectAltName: DNS localhost
  extension('551d11', false, sequence(element(0x82, Buffer.from('localhost', 'ascii')))),
];
