import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import {
  checkServerIdentity,
  type ConnectionOptions,
  createSecureContext,
  getCACertificates,
  type SecureContextOptions,
} from 'node:tls';
import { CofferError, errorText } from '@coffer/base';
import { isSocket } from '../settings/hosts.ts';
import type { PemSource, TlsSettings } from '../settings/connection-settings.ts';

export type Transport = 'plain' | 'tls';

/** The transports that an sslmode allows, in the order in which to try them (libpq's table). There is no TLS on a socket. */
export function transports(mode: TlsSettings['mode'], host: string): readonly [Transport, Transport?] {
  if (isSocket(host)) return ['plain'];
  switch (mode) {
    case 'disable':
      return ['plain'];
    case 'allow':
      return ['plain', 'tls'];
    case 'prefer':
      return ['tls', 'plain'];
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return ['tls'];
  }
}

/** Whether the server's certificate must be signed by an authority we trust. */
export function verifiesAuthority(tls: TlsSettings): boolean {
  if (tls.mode === 'verify-ca' || tls.mode === 'verify-full') return true;
  // In libpq and pgx `require` with a root certificate means verify-ca, for compatibility with old releases.
  return tls.mode === 'require' && (tls.ca.pem !== '' || tls.ca.path !== '');
}

/** The name that must be in the server's certificate; undefined if names are not checked. */
export function expectedName(tls: TlsSettings, host: string): string | undefined {
  if (tls.mode !== 'verify-full') return undefined;
  return tls.serverName === '' ? host : tls.serverName;
}

/**
 * The options with which `tls.connect` connects to `host`. Files are read each time, so the next connection uses a renewed
 * certificate. Without sslrootcert the authorities that Node.js trusts apply; nothing is read from a home directory.
 *
 * @throws CofferError `invalid-request` naming the field, for a file or PEM text that cannot be used
 */
export async function tlsOptions(tls: TlsSettings, host: string): Promise<ConnectionOptions> {
  const name = expectedName(tls, host);
  const sentName = tls.serverName === '' ? host : tls.serverName;
  return {
    secureContext: await secureContext(tls),
    // Always set, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment can never weaken it.
    rejectUnauthorized: verifiesAuthority(tls),
    checkServerIdentity: (_, certificate) => (name === undefined ? undefined : checkServerIdentity(name, certificate)),
    ...(tls.sendServerName && isIP(sentName) === 0 && { servername: sentName }),
  };
}

async function secureContext(tls: TlsSettings): Promise<ReturnType<typeof createSecureContext>> {
  const options: SecureContextOptions = {};
  if (verifiesAuthority(tls)) {
    const ca = tls.ca.pem === '' && tls.ca.path === 'system' ? getCACertificates('system') : await readPem(tls.ca);
    if (typeof ca === 'string') checkCertificates(tls.ca, ca);
    if (ca !== undefined) options.ca = ca;
  }
  const certificate = await readPem(tls.certificate);
  const key = await readPem(tls.privateKey);
  if (certificate !== undefined && key === undefined) {
    throw new CofferError(
      'invalid-request',
      `field "${used(tls.certificate)}" needs the private key too: set ${tls.privateKey.pathField} or ${tls.privateKey.pemField}`,
    );
  }
  if (certificate !== undefined && key !== undefined) {
    checkCertificates(tls.certificate, certificate);
    options.cert = certificate;
    options.key = key;
    const passphrase = tls.keyPassword.reveal();
    if (passphrase !== '') options.passphrase = passphrase;
    checkKey(tls.privateKey, key, passphrase);
  }
  try {
    return createSecureContext(options);
  } catch (error) {
    const text = errorText(error);
    throw /key values mismatch/i.test(text)
      ? unusable(tls.privateKey, 'the private key does not match the certificate')
      : unusable(tls.certificate, `OpenSSL rejects the certificate: ${text}`);
  }
}

/**
 * Whether a key is encrypted is read from its text (RFC 7468 section 11, RFC 1421 section 4.6.1.1), not from OpenSSL's error:
 * about one wrong password in 200 leaves what looks like padding, and the error then is that of a key in an unknown form.
 */
function checkKey(source: PemSource, pem: string, passphrase: string): void {
  try {
    createPrivateKey({ key: pem, passphrase });
  } catch {
    const isEncrypted = pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') || pem.includes('Proc-Type: 4,ENCRYPTED');
    throw unusable(
      source,
      isEncrypted
        ? 'the private key is encrypted and sslpassword does not open it'
        : 'not a private key in PEM form that OpenSSL can use',
    );
  }
}

async function readPem(source: PemSource): Promise<string | undefined> {
  if (source.pem !== '') return source.pem;
  if (source.path === '') return undefined;
  try {
    return await readFile(source.path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : code;
    throw new CofferError('invalid-request', `field "${source.pathField}": cannot read ${source.path}: ${reason}`);
  }
}

/** OpenSSL skips text that is not a certificate, which would leave nothing to trust and a puzzling error. */
function checkCertificates(source: PemSource, pem: string): void {
  try {
    new X509Certificate(pem);
  } catch {
    throw unusable(source, 'no certificate in PEM form in it');
  }
}

function unusable(source: PemSource, why: string): CofferError {
  return new CofferError('invalid-request', `field "${used(source)}": ${why}`);
}

function used(source: PemSource): string {
  return source.pem === '' ? source.pathField : source.pemField;
}
