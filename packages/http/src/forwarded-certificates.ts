import { X509Certificate } from 'node:crypto';
import { CofferError } from '@coffer/base';

/** Vault's names: `DER` takes a PEM text apart, so it can only come last. */
export const CERTIFICATE_DECODERS = ['URL', 'BASE64', 'DER'] as const;
export type CertificateDecoder = (typeof CERTIFICATE_DECODERS)[number];

export interface ForwardedCertificates {
  /** In lower case. */
  readonly header: string;
  /** Applied one after the other. */
  readonly decoders: readonly CertificateDecoder[];
}

/** The certificates in a header's values, in DER. @throws CofferError `invalid-request` for a value that holds none */
export function decodeCertificateHeader(
  values: readonly string[],
  decoders: readonly CertificateDecoder[],
): readonly Uint8Array[] {
  return values
    .filter((value) => value !== '')
    .map((value) => {
      try {
        return new X509Certificate(decoders.reduce(decode, Buffer.from(value, 'latin1'))).raw;
      } catch {
        throw new CofferError('invalid-request', 'failed to parse the client certificate that the proxy has passed on');
      }
    });
}

function decode(bytes: Buffer, decoder: CertificateDecoder): Buffer {
  const text = bytes.toString('latin1');
  switch (decoder) {
    case 'URL':
      return Buffer.from(decodeURIComponent(text.replaceAll('+', ' ')), 'latin1');
    case 'BASE64':
      return Buffer.from(text, 'base64');
    case 'DER': {
      const [, content = ''] = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(text) ?? [];
      return Buffer.from(content, 'base64');
    }
  }
}
