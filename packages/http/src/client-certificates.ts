import type { TLSSocket } from 'node:tls';
import type { X509Certificate } from 'node:crypto';
import type { EdgeRequest } from './message.ts';

/** By connection: a client proves itself once, in its handshake. */
const CHAINS = new WeakMap<object, readonly Uint8Array[]>();

/**
 * The certificates with which the client of a request has proven itself, its own first, in DER: at most one more than
 * {@link MAX_CHAIN}. Empty when it has shown none, undefined without TLS.
 */
export function clientCertificates(request: EdgeRequest): readonly Uint8Array[] | undefined {
  const connection = 'stream' in request ? request.stream.session : request.socket;
  if (connection === undefined) return undefined;
  const known = CHAINS.get(connection);
  if (known !== undefined) return known;
  const socket = ('stream' in request ? request.stream.session?.socket : request.socket) as
    | Partial<TLSSocket>
    | undefined;
  if (socket?.encrypted !== true) return undefined;
  const chain = chainOf(socket.getPeerX509Certificate?.());
  CHAINS.set(connection, chain);
  return chain;
}

/** More certificates than any real chain has; whoever sends more is found to have no valid one. */
const MAX_CHAIN = 16;

function chainOf(own: X509Certificate | undefined): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let each = own; each !== undefined && chain.length <= MAX_CHAIN; each = each.issuerCertificate) {
    chain.push(each.raw);
  }
  return chain;
}
