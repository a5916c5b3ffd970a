import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  BitString,
  Boolean as BooleanElement,
  Constructed,
  fromBER,
  GeneralizedTime,
  Integer,
  ObjectIdentifier,
  OctetString,
  Primitive,
  Sequence,
  Set as SetElement,
  Utf8String,
  UTCTime,
} from 'asn1js';

/** A one-time identity for one plugin process, in the two forms the two ends exchange. */
export interface Certificate {
  /** PEM: goes into `PLUGIN_CLIENT_CERT`, since an environment variable cannot hold DER. */
  readonly certificatePem: string;
  /** DER: goes, in unpadded base64, into the handshake line, since that line cannot hold PEM. */
  readonly certificateDer: Buffer;
  readonly privateKeyPem: string;
}

type Element = Sequence['valueBlock']['value'][number];

const YEARS_30_MS = 30 * 365.25 * 24 * 3600 * 1000;
const CLOCK_SKEW_MS = 30_000;
const CONTEXT_SPECIFIC = 3;

/**
 * Makes a self-signed certificate for AutoMTLS: `localhost`, usable as its own authority, for both ends of a connection
 * (hashicorp/go-plugin:mtls.go makes the same with P-521; hosts take P-256, which costs less at every start).
 *
 * The fields are RFC 5280 section 4.1's, put together here on an ASN.1 library: one that knows X.509 would cost more
 * than all the rest of a plugin's own start (docs/decisions/0002-x509-on-asn1-library.md).
 */
export function createCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subjectPublicKey = publicKey.export({ type: 'spki', format: 'der' });
  const now = Date.now();
  const content = sequence(
    explicit(0, new Integer({ value: 2 })),
    new Integer({ valueHex: serialNumber() }),
    ecdsaWithSha256(),
    localhost(),
    sequence(time(now - CLOCK_SKEW_MS), time(now + YEARS_30_MS)),
    localhost(),
    fromBER(subjectPublicKey).result,
    explicit(3, sequence(...extensions())),
  );
  const signature = sign('sha256', der(content), { key: privateKey, dsaEncoding: 'der' });
  const certificateDer = der(sequence(content, ecdsaWithSha256(), new BitString({ valueHex: signature })));
  return {
    certificateDer,
    certificatePem: certificatePem(certificateDer),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A certificate's DER in PEM (RFC 7468: lines of 64 characters), without looking at its content. */
export function certificatePem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function der(element: Element): Buffer {
  return Buffer.from(element.toBER());
}

function sequence(...value: Element[]): Sequence {
  return new Sequence({ value });
}

function explicit(tagNumber: number, element: Element): Constructed {
  return new Constructed({ idBlock: { tagClass: CONTEXT_SPECIFIC, tagNumber }, value: [element] });
}

/** Positive, without a leading zero byte, at most 20 bytes (RFC 5280 section 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function ecdsaWithSha256(): Element {
  return sequence(new ObjectIdentifier({ value: '1.2.840.10045.4.3.2' }));
}

/** Issuer and subject alike: O=Coffer, CN=localhost. */
function localhost(): Element {
  const attribute = (type: string, value: string) =>
    new SetElement({ value: [sequence(new ObjectIdentifier({ value: type }), new Utf8String({ value }))] });
  return sequence(attribute('2.5.4.10', 'Coffer'), attribute('2.5.4.3', 'localhost'));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on, both in whole seconds (RFC 5280 section 4.1.2.5). */
function time(milliseconds: number): Element {
  const valueDate = new Date(Math.floor(milliseconds / 1000) * 1000);
  return valueDate.getUTCFullYear() < 2050 ? new UTCTime({ valueDate }) : new GeneralizedTime({ valueDate });
}

function extensions(): Element[] {
  const extension = (type: string, critical: boolean, value: Element) =>
    sequence(
      new ObjectIdentifier({ value: type }),
      ...(critical ? [new BooleanElement({ value: true })] : []),
      new OctetString({ valueHex: value.toBER() }),
    );
  const clientAuth = new ObjectIdentifier({ value: '1.3.6.1.5.5.7.3.2' });
  const serverAuth = new ObjectIdentifier({ value: '1.3.6.1.5.5.7.3.1' });
  // Bits 0, 2, 4 and 5: digitalSignature, keyEncipherment, keyAgreement, keyCertSign.
  const usages = new BitString({ valueHex: Buffer.from([0b1010_1100]), unusedBits: 2 });
  const dnsName = new Primitive({
    idBlock: { tagClass: CONTEXT_SPECIFIC, tagNumber: 2 },
    valueHex: Buffer.from('localhost', 'ascii'),
  });
  return [
    extension('2.5.29.15', true, usages),
    extension('2.5.29.37', false, sequence(clientAuth, serverAuth)),
    extension('2.5.29.19', true, sequence(new BooleanElement({ value: true }))),
    extension('2.5.29.17', false, sequence(dnsName)),
  ];
}
