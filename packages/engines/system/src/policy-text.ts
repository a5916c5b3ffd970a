import { isUtf8 } from 'node:buffer';
import { CofferError } from '@coffer/base';

export const POLICY_NAME = { type: 'string', required: true, description: "The policy's name." } as const;

/** The text of an ACL policy. @throws CofferError `invalid-request` when there is none */
export function policyText(given: string | undefined): string {
  if (given === undefined || given === '') {
    throw new CofferError('invalid-request', `'policy' parameter not supplied or empty`);
  }
  return plainText(given);
}

/**
 * Vault takes policies in base64 as well: Go's standard encoding, padded, with line ends anywhere. A policy has braces or
 * quotes, which base64 has not.
 *
 * @throws CofferError `invalid-request` when what is encoded is not UTF-8
 */
export function plainText(given: string): string {
  const compact = given.replaceAll(/[\r\n]/g, '');
  const isBase64 = compact.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(compact);
  if (!isBase64) return given;
  const decoded = Buffer.from(compact, 'base64');
  if (!isUtf8(decoded)) {
    throw new CofferError(
      'invalid-request',
      'failed to parse policy: it is decoded as base64, and the result is not UTF-8',
    );
  }
  return decoded.toString('utf8');
}
