import { type CofferError, errorText, isCofferError } from '@coffer/base';
import pg from 'pg';
import type { ConnectionSettings } from '../settings/connection-settings.ts';
import { classify, Failure, serverMessage } from './failure.ts';
import type { Transport } from './tls.ts';

/** What went wrong in one attempt to connect, and what else is worth trying. */
export interface ConnectFailure {
  readonly failure: Failure | CofferError;
  /** Worth trying the other transport (plain or TLS) on the same address. */
  readonly otherTransport: boolean;
  /** Worth trying another address or node. */
  readonly otherNode: boolean;
}

const SOCKET_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the server',
  EPIPE: 'connection closed by the server',
  ETIMEDOUT: 'timed out',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'network is unreachable',
  EADDRNOTAVAIL: 'the address cannot be reached from here',
  ENOENT: 'no such socket: the directory or the port is wrong, or the server is down',
  EACCES: 'permission denied',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved right now',
};

/** Explains what `pg` or the operating system threw while we were connecting to `host`. */
export function explainConnect(
  thrown: unknown,
  settings: ConnectionSettings,
  host: string,
  transport: Transport,
): ConnectFailure {
  if (isCofferError(thrown)) return { failure: thrown, otherTransport: false, otherNode: false };
  if (thrown instanceof Failure) return explainSettings(thrown);
  if (thrown instanceof pg.DatabaseError) return explainServer(thrown, settings, transport);
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const text = errorText(thrown);

  if (/does not support SSL/.test(text)) {
    return tlsFailure(`the server does not support SSL/TLS, but sslmode is ${settings.tls.mode}`);
  }
  const tls = explainTls(code, text, settings, host);
  if (tls !== undefined) return tlsFailure(tls);
  const known = SOCKET_ERRORS[code];
  const message = /timeout expired/.test(text)
    ? `timed out after ${settings.connectTimeoutSeconds} s`
    : (known ?? (code === '' ? text : `${text} (${code})`));
  const failure = new Failure('unreachable', message, { nobodyThere: code === 'ECONNREFUSED' });
  return { failure, otherTransport: code === 'ECONNRESET', otherNode: true };
}

/** Each node has a certificate of its own: what is wrong with one says nothing of the others. Nothing was sent to it. */
function tlsFailure(message: string): ConnectFailure {
  return { failure: new Failure('fatal', message, { ofNode: true }), otherTransport: true, otherNode: true };
}

/** The login succeeded but our settings were refused. The node is there, and nothing else was sent to it. */
function explainSettings(failure: Failure): ConnectFailure {
  if (failure.kind === 'fatal') return { failure, otherTransport: false, otherNode: false };
  const { message, sqlstate, unwanted } = failure;
  return { failure: new Failure('busy', message, { sqlstate, unwanted }), otherTransport: false, otherNode: true };
}

function explainServer(error: pg.DatabaseError, settings: ConnectionSettings, transport: Transport): ConnectFailure {
  const sqlstate = error.code ?? '';
  const answer = serverMessage(error);
  // A refusal by pg_hba.conf depends on the transport. A wrong password does not, and a second try would count as well.
  const byTransport = sqlstate === '28000' && /pg_hba\.conf|encryption|SSL/i.test(error.message);
  if (byTransport && transport === 'plain' && /no encryption|SSL off|without encryption/i.test(error.message)) {
    const message =
      settings.tls.mode === 'disable'
        ? `the server requires SSL/TLS: set sslmode to require, verify-ca or verify-full (it answered: ${answer})`
        : answer;
    return { failure: new Failure('fatal', message, { sqlstate }), otherTransport: true, otherNode: false };
  }
  const kind = classify(sqlstate, error.message);
  if (kind === 'busy')
    return { failure: new Failure('busy', answer, { sqlstate }), otherTransport: false, otherNode: true };
  // Nothing has been sent yet, so a server that is shutting down or starting up is merely unreachable.
  const away = kind === 'outcome-unknown' || kind === 'conflict';
  return {
    failure: new Failure(away ? 'unreachable' : 'fatal', answer, { sqlstate, nobodyThere: /^57P/.test(sqlstate) }),
    otherTransport: byTransport,
    otherNode: away,
  };
}

function explainTls(code: string, text: string, settings: ConnectionSettings, host: string): string | undefined {
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID': {
      const name = settings.tls.serverName === '' ? host : settings.tls.serverName;
      return `the server's certificate is not valid for the name ${JSON.stringify(name)}: connect by a name that it carries, set tls_server_name, or use sslmode verify-ca`;
    }
    case 'CERT_HAS_EXPIRED':
      return "the server's certificate has expired";
    case 'CERT_NOT_YET_VALID':
      return "the server's certificate is not valid yet";
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return `the server's certificate is not signed by an authority in ${authorities(settings)} (${code})`;
    default:
      return /^ERR_(SSL|TLS)|^CERT_/.test(code) ? `SSL/TLS could not be started: ${text} (${code})` : undefined;
  }
}

function authorities(settings: ConnectionSettings): string {
  const { ca } = settings.tls;
  if (ca.pem !== '') return ca.pemField;
  return ca.path === '' ? 'the list that Node.js trusts; set sslrootcert or tls_ca' : ca.pathField;
}
