import { CofferError, errorText } from '@coffer/base';

const UNKNOWN_AUTHORITY = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';

const TLS_REASONS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
};

/** The server's certificate was refused: it will be the same one next time. */
export function isCertificateError(thrown: unknown): boolean {
  const code = property(thrown, 'code');
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' || Object.hasOwn(TLS_REASONS, code);
}

/**
 * The server could not be reached or hung up. The message is the one that users of Vault know from Go:
 * `Get "http://127.0.0.1:8200/v1/x": dial tcp 127.0.0.1:8200: connect: connection refused`.
 * What a proxy is the reason of says so, as in Go: `proxyconnect tcp: dial tcp …`.
 */
export function connectionError(method: string, url: string, thrown: unknown, isProxied = false): CofferError {
  if (thrown instanceof CofferError) return thrown;
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  const reason = reasonOf(thrown);
  const where = isProxied && reason.startsWith('dial tcp') ? 'proxyconnect tcp: ' : '';
  return new CofferError('unavailable', `${verb} "${url}": ${where}${reason}`, { cause: thrown });
}

function reasonOf(thrown: unknown): string {
  // Node tries every address of a host name; the last one tried speaks for all, as in Go.
  const error = thrown instanceof AggregateError ? (thrown.errors.at(-1) as unknown) : thrown;
  const code = property(error, 'code');
  const host = property(error, 'hostname');
  const address = property(error, 'address');
  const dial = `dial tcp ${address.includes(':') ? `[${address}]` : address}:${property(error, 'port')}: connect:`;
  switch (code) {
    case 'ECONNREFUSED':
      return property(error, 'port') === '' ? unixDial(error, 'connection refused') : `${dial} connection refused`;
    case 'EHOSTUNREACH':
      return `${dial} no route to host`;
    case 'ENETUNREACH':
      return `${dial} network is unreachable`;
    case 'ENOENT':
      return unixDial(error, 'no such file or directory');
    case 'ENOTFOUND':
      return `dial tcp: lookup ${host}: no such host`;
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${host}: temporary failure in name resolution`;
    case 'ECONNRESET':
      return errorText(error) === 'socket hang up' ? 'EOF' : 'read: connection reset by peer';
    case 'ETIMEDOUT':
      return `${dial} connection timed out`;
    default:
      return TLS_REASONS[code] ?? otherReason(error);
  }
}

function unixDial(error: unknown, reason: string): string {
  return `dial unix ${property(error, 'address')}: connect: ${reason}`;
}

function otherReason(error: unknown): string {
  const text = errorText(error);
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return 'context deadline exceeded';
  }
  if (/wrong version number|packet length too long|http request/i.test(text)) {
    return 'http: server gave HTTP response to HTTPS client (is the address meant to be http:// ?)';
  }
  return text;
}

function property(error: unknown, name: string): string {
  if (typeof error !== 'object' || error === null || !(name in error)) return '';
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
