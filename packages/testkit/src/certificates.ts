export interface CertificateRequest {
  readonly commonName: string;
  /** Names the certificate is good for. A server is checked by these, never by its common name. */
  readonly dnsNames?: readonly string[];
  /** IPv4 or IPv6 addresses in their usual text form. */
  readonly ipAddresses?: readonly string[];
  /** True: for a client to show (extended key usage clientAuth). Default false: for a server. */
  readonly client?: boolean;
  /** Default: from an hour ago until in a year. Fractions of a second are dropped. */
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
  /** @throws CofferError `invalid-request` when one of `ipAddresses` is none */
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
}

/**
 * A new self-signed certificate authority with a P-256 key, for tests and the demo. Its key lives in this object only.
 * X.509 v3 by RFC 5280, signed with ECDSA and SHA-256.
 */
export async function createCertificateAuthority(name = 'Coffer test CA'): Promise<CertificateAuthority> {
  // Loaded when it is needed: the library takes as long to load as all else in this package.
  const { newAuthority } = await import('./certificate-authority.ts');
  return newAuthority(name);
}
