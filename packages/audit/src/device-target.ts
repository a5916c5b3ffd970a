import { isAbsolute } from 'node:path';
import { parseDuration } from '@coffer/base';
import type { DeviceOptions } from './device-options.ts';
import { failure } from './line-queue.ts';
import type { SocketAddress } from './socket-sink.ts';

/** Where the lines of a device go. */
export type DeviceTarget =
  | { readonly kind: 'stdout' | 'discard' }
  /** `mode` undefined: that of the file, which must be there. */
  | { readonly kind: 'file'; readonly path: string; readonly mode: number | undefined }
  | { readonly kind: 'socket'; readonly address: SocketAddress; readonly timeoutMs: number };

const DEFAULT_MODE = 0o600;
/** Vault's, in seconds. */
const DEFAULT_WRITE_TIMEOUT = 2;
/** In seconds: in Vault 0 means no limit, but nobody should wait for longer than this. */
const LONGEST_WRITE_TIMEOUT = 30;

/** @throws CofferError `failed` naming what is wrong, in Vault's words where it has some */
export function parseTarget(type: string, options: DeviceOptions): DeviceTarget {
  return type === 'socket' ? socketTarget(options) : fileTarget(options);
}

function fileTarget(options: DeviceOptions): DeviceTarget {
  const path = options['file_path'] ?? options['path'];
  if (path === undefined || path === '') throw failure('file_path is required');
  const mode = parseMode(options['mode']);
  if (path.toLowerCase() === 'discard') return { kind: 'discard' };
  if (!isAbsolute(path) && path.toLowerCase() !== 'stdout') throw failure(`${path} must be an absolute path`);
  // Opened by its path, it would be refused where standard output goes to a file.
  if (path.toLowerCase() === 'stdout' || path === '/dev/stdout') return { kind: 'stdout' };
  return { kind: 'file', path, mode };
}

/** Octal. Nobody executes a log, so these bits are dropped, as in OpenBao since CVE-2025-54997. */
function parseMode(text: string | undefined): number | undefined {
  if (text === undefined) return DEFAULT_MODE;
  if (!/^[0-7]{1,11}$/.test(text)) throw failure(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  const mode = Number.parseInt(text, 8);
  if (mode > 0o777) throw failure('file mode does not represent a regular file');
  return mode === 0 ? undefined : mode & ~0o111;
}

function socketTarget(options: DeviceOptions): DeviceTarget {
  const { address = '', socket_type: type = 'tcp' } = options;
  if (address === '') throw failure('address is required');
  return { kind: 'socket', address: socketAddress(type, address), timeoutMs: writeTimeoutMs(options['write_timeout']) };
}

function socketAddress(type: string, address: string): SocketAddress {
  switch (type) {
    case 'tcp': {
      const [, inBrackets, name, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address) ?? [];
      if (port === undefined || Number(port) > 65_535) {
        throw failure(`dial tcp: address ${address.slice(0, 200)}: it must be HOST:PORT`);
      }
      return { host: (inBrackets ?? name) || '127.0.0.1', port: Number(port) };
    }
    case 'unix':
      if (!isAbsolute(address)) throw failure('the address of a unix socket must be an absolute path');
      return { path: address };
    case 'udp':
      throw failure('socket_type "udp" is not supported: lines could be lost unnoticed; use "tcp" or "unix"');
    default:
      throw failure(`socket_type ${JSON.stringify(type)} is not known; use "tcp" or "unix"`);
  }
}

function writeTimeoutMs(text: string | undefined): number {
  if (text === undefined) return DEFAULT_WRITE_TIMEOUT * 1000;
  const seconds = parseDuration(text, 'write_timeout');
  return Math.min(seconds || LONGEST_WRITE_TIMEOUT, LONGEST_WRITE_TIMEOUT) * 1000;
}
