import { CofferError } from '@coffer/base';
import {
  type EngineContext,
  grantLoginRenewal,
  loginPolicies,
  type PathRequest,
  type TokenEntry,
  type TtlAnswer,
} from '@coffer/framework';
import { certsOf, readConfig } from './cert-entry.ts';
import type { Certificate } from './certificate.ts';
import { verifyClient } from './verify-client.ts';

/** Needs the certificate of the login, unless the method's configuration does without, and the entry with the same policies. */
export async function renewLogin(
  context: EngineContext,
  token: TokenEntry,
  increment: number,
  { clientCertificates }: Pick<PathRequest, 'clientCertificates'>,
): Promise<TtlAnswer> {
  const name = token.meta?.['cert_name'] ?? '';
  const entry = await certsOf(context.storage).get(name);
  if (entry === undefined) throw new CofferError('invalid-request', 'certificate entry no longer exists, not renewing');
  const { disableBinding } = await readConfig(context.storage);
  if (!disableBinding) {
    const { certificate } = await verifyClient(context.storage, clientCertificates, name);
    if (!isSame(certificate, token.meta ?? {})) {
      throw new CofferError(
        'invalid-request',
        'client identity during renewal not matching client identity used during login',
      );
    }
  }
  if (loginPolicies(entry.token).join() !== token.policies.join()) {
    throw new CofferError('invalid-request', 'policies have changed, not renewing');
  }
  return grantLoginRenewal(token, entry.token, context, increment);
}

/**
 * The same key of the same authority, so that a certificate that was issued anew does as well. (Vault is content with either.)
 * One that does not say which key it has must be the very same.
 */
function isSame(certificate: Certificate, meta: Readonly<Record<string, string>>): boolean {
  const { subjectKeyId, authorityKeyId, serialNumber } = certificate;
  const isSameKey = subjectKeyId === meta['subject_key_id'] && authorityKeyId === meta['authority_key_id'];
  return isSameKey && (subjectKeyId !== '' || serialNumber === meta['serial_number']);
}
