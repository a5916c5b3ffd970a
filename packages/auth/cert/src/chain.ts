import type { Certificate } from './certificate.ts';

/** From a client's certificate to one that is trusted, each issued by the next. */
export type Chain = readonly Certificate[];

/** As in Go's crypto/x509: whoever sends certificates with many issuers must not keep us busy. */
const MAX_SIGNATURES = 100;
const MAX_LENGTH = 10;

const CLIENT_AUTH = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'];
const NAME_CONSTRAINTS = '2.5.29.30';
/** Extensions whose meaning is heeded, or is none for the question whether a chain is valid. */
const UNDERSTOOD = ['2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.32', '2.5.29.35', '2.5.29.37'];
/** Signatures with MD2, MD5 and SHA-1, which anybody can forge: of RSA, DSA and ECDSA. */
const FORGEABLE = [
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.10040.4.3',
  '1.2.840.10045.4.1',
];

/**
 * Every valid chain from a client's certificate to one of `roots`, over those that it has sent along (RFC 5280, 6; what is
 * checked, and the roots being whatever is trusted, as Go's Certificate.Verify does it for TLS clients).
 */
export function validChains(
  client: Certificate,
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
  now: number,
): readonly Chain[] {
  let signatures = 0;
  const chains: Chain[] = [];
  const isIssuer = (issuer: Certificate, chain: Chain, subject: Certificate): boolean => {
    if (!isUsable(issuer, now) || !issuer.isCa || issuer.pathLength < chain.length - 1) return false;
    if (FORGEABLE.includes(subject.signatureAlgorithm) || !subject.x509.checkIssued(issuer.x509)) return false;
    return ++signatures <= MAX_SIGNATURES && subject.x509.verify(issuer.x509.publicKey);
  };
  const extend = (chain: Chain, last: Certificate): void => {
    if (isIn(roots, last)) chains.push(chain);
    if (chain.length >= MAX_LENGTH) return;
    for (const root of roots) {
      if (!isIn(chain, root) && isIssuer(root, chain, last)) chains.push([...chain, root]);
    }
    for (const next of intermediates) {
      if (!isIn(chain, next) && !isIn(roots, next) && isIssuer(next, chain, last)) extend([...chain, next], next);
    }
  };
  if (isUsable(client, now)) extend([client], client);
  return chains;
}

/** Whether it is valid now, for a TLS client, and says nothing that is not understood here. */
export function isUsable(certificate: Certificate, now: number): boolean {
  const { usages, criticalExtensions, extensions } = certificate;
  const isForClients = usages === undefined || usages.some((usage) => CLIENT_AUTH.includes(usage));
  const isUnderstood = criticalExtensions.every((oid) => UNDERSTOOD.includes(oid)) && !extensions.has(NAME_CONSTRAINTS);
  return isInTime(certificate, now) && isForClients && isUnderstood;
}

export function isInTime({ x509 }: Certificate, now: number): boolean {
  return x509.validFromDate.getTime() <= now && now <= x509.validToDate.getTime();
}

export function isIn(certificates: readonly Certificate[], wanted: Certificate): boolean {
  return certificates.some((each) => each.x509.raw.equals(wanted.x509.raw));
}
