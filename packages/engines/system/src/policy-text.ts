import { CofferError } from '@coffer/base';

export const POLICY_NAME = { type: 'string', required: true, description: "The policy's name." } as const;

/** The text of an ACL policy. @throws CofferError `invalid-request` when there is none */
export function policyText(given: string | undefined): string {
  if (given === undefined || given === '') {
    throw new CofferError('invalid-request', `'policy' parameter not supplied or empty`);
  }
  return plainText(given);
}

/** Vault takes policies in base64 as well. A policy has braces or quotes, which base64 has not. */
export function plainText(given: string): string {
  const compact = given.replaceAll(/[\r\n]/g, '');
  const isBase64 = compact.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(compact);
  return isBase64 ? Buffer.from(compact, 'base64').toString('utf8') : given;
}
