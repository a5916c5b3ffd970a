import { CofferError, trimEndOf } from '@coffer/base';
import { certificatePem } from './certificate.ts';

/** How a plugin recognises the host it is meant for: an environment variable and its value. */
export interface Cookie {
  readonly key: string;
  readonly value: string;
}

/** The one line that a plugin prints on stdout, once it listens (hashicorp/go-plugin:server.go). */
export interface Handshake {
  readonly protocolVersion: number;
  readonly socketPath: string;
  /** DER; absent when the host asked for no TLS. */
  readonly certificateDer?: Buffer;
}

const CORE_PROTOCOL_VERSION = 1;

/**
 * The newest version both sides have. Without a common one it is the lowest we offer: the host then reports the
 * mismatch, as with Go's plugins (hashicorp/go-plugin:server.go, protocolVersion).
 *
 * `requested` is the value of `PLUGIN_PROTOCOL_VERSIONS`, comma separated, in any order.
 */
export function negotiateVersion(offered: readonly number[], requested: string | undefined): number {
  const wanted = new Set((requested ?? '').split(',').map((version) => Number.parseInt(version, 10)));
  const descending = [...offered].sort((a, b) => b - a);
  const chosen = descending.find((version) => wanted.has(version)) ?? descending.at(-1);
  if (chosen === undefined) throw new CofferError('internal', 'a plugin must offer at least one protocol version');
  return chosen;
}

/**
 * The handshake line without its end of line. `brokerMultiplexingAsked` adds the seventh field: older hosts would take
 * it for a part of the certificate, so it is only there when the host set `PLUGIN_MULTIPLEX_GRPC`.
 */
export function formatHandshake(handshake: Handshake, brokerMultiplexingAsked: boolean): string {
  const certificate = trimEndOf(handshake.certificateDer?.toString('base64') ?? '', '=');
  const fields = [CORE_PROTOCOL_VERSION, handshake.protocolVersion, 'unix', handshake.socketPath, 'grpc', certificate];
  return [...fields, ...(brokerMultiplexingAsked ? ['false'] : [])].join('|');
}

/**
 * Reads a plugin's handshake line. The texts are go-plugin's (hashicorp/go-plugin:client.go, Start).
 *
 * @throws CofferError `failed` when the line is none, or speaks another protocol than `protocolVersions` over gRPC
 */
export function parseHandshake(line: string, protocolVersions: readonly number[]): Handshake {
  const [core = '', version = '', network = '', address = '', protocol = 'netrpc', certificate = ''] = line
    .trim()
    .split('|');
  if (address === '')
    throw new CofferError('failed', `Unrecognized remote plugin message: ${line.trim().slice(0, 500)}`);
  if (core !== String(CORE_PROTOCOL_VERSION)) {
    throw new CofferError(
      'failed',
      `Incompatible core API version with plugin. Plugin version: ${core}, Core version: ${CORE_PROTOCOL_VERSION}`,
    );
  }
  const protocolVersion = protocolVersions.find((known) => String(known) === version);
  if (protocolVersion === undefined) {
    throw new CofferError(
      'failed',
      `Incompatible API version with plugin. Plugin version: ${version}, Client versions: [${protocolVersions.join(' ')}]`,
    );
  }
  if (network !== 'unix')
    throw new CofferError('failed', `Unknown address type: ${network}; only unix sockets are supported`);
  if (protocol !== 'grpc')
    throw new CofferError('failed', `Unsupported plugin protocol "${protocol}". Supported: [grpc]`);
  // go-plugin ignores shorter values: old plugins printed something else in this place.
  if (certificate.length <= 50) return { protocolVersion, socketPath: address };
  return { protocolVersion, socketPath: address, certificateDer: Buffer.from(certificate, 'base64') };
}

/** The plugin's certificate as the only authority to trust. @throws CofferError `failed` when the plugin sent none. */
export function handshakeAuthority(handshake: Handshake): string {
  if (handshake.certificateDer === undefined) {
    throw new CofferError(
      'failed',
      'the plugin offered no certificate; it must support AutoMTLS (go-plugin 1.0 or later)',
    );
  }
  return certificatePem(handshake.certificateDer);
}
