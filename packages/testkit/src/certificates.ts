import type { CertificateAuthority } from './certificate-authority.ts';

/**
 * A new self-signed certificate authority with a P-256 key, for tests and the demo. Its key lives in this object only.
 * X.509 v3 by RFC 5280, signed with ECDSA and SHA-256.
 */
export async function createCertificateAuthority(name = 'Coffer test CA'): Promise<CertificateAuthority> {
  // Loaded when it is needed: the library takes as long to load as all else in this package.
  const { newAuthority } = await import('./certificate-authority.ts');
  return newAuthority(name);
}
