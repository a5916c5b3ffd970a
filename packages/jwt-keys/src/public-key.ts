import { createPublicKey, type KeyObject } from 'node:crypto';
import { CofferError } from '@coffer/base';

/** Fewer bits of RSA are refused by RFC 7518, section 3.3, and by the library that verifies. */
const MIN_RSA_BITS = 2048;

/**
 * The public key of PEM text: a public key, or a certificate that has it.
 * @throws CofferError `invalid-request` for anything else. A private key too: configuration can be read
 */
export function parsePublicKey(pem: string): KeyObject {
  const key = pem.includes('PRIVATE KEY-----') ? undefined : publicKeyOf(pem);
  if (key === undefined) {
    throw new CofferError('invalid-request', 'data does not contain any valid RSA, ECDSA or Ed25519 public keys');
  }
  const { modulusLength = MIN_RSA_BITS } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_RSA_BITS) {
    throw new CofferError(
      'invalid-request',
      `an RSA key has ${modulusLength} bits; at least ${MIN_RSA_BITS} are needed`,
    );
  }
  return key;
}

function publicKeyOf(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem);
    return ['rsa', 'ec', 'ed25519'].includes(key.asymmetricKeyType ?? '') ? key : undefined;
  } catch {
    return undefined;
  }
}
