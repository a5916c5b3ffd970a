/** Who logs in with certificates in the tests, and who has issued them. */
import { createCertificateAuthority } from '@coffer/testkit';

export const servers = await createCertificateAuthority('Servers');
export const people = await createCertificateAuthority('People');
export const strangers = await createCertificateAuthority('Strangers');
export const intermediate = await people.issueAuthority('People of Berlin');
export const identity = await servers.issue({
  commonName: 'coffer',
  dnsNames: ['localhost'],
  ipAddresses: ['127.0.0.1'],
});
export const ana = await people.issue({
  commonName: 'ana.example.com',
  client: true,
  organizationalUnit: 'ops',
  dnsNames: ['ana.example.com'],
  emailAddresses: ['ana@example.com'],
  uris: ['spiffe://example.com/ana'],
  texts: { '1.3.6.1.4.1.99999.1': 'berlin-mitte' },
});
export const bea = await people.issue({ commonName: 'bea.example.com', client: true });
export const cleo = await intermediate.issue({ commonName: 'cleo.example.com', client: true });
export type Shown = Pick<typeof ana, 'certificatePem' | 'privateKeyPem'>;
export const withChain: Shown = { ...cleo, certificatePem: cleo.certificatePem + intermediate.certificatePem };
