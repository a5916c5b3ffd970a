import { posix } from 'node:path';
import { CofferError, trimEndOf } from '@coffer/base';

/** Query parameters; a list repeats its key. */
export type Query = Readonly<Record<string, string | readonly string[]>>;

/** Where requests go: a base URL, or a Unix socket (`unix:///run/coffer.sock`). */
export interface Endpoint {
  readonly secure: boolean;
  /** Host name without brackets; `localhost` for a socket. */
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** The path in front of `/v1`: empty, or starting with a slash. */
  readonly basePath: string;
  /** Scheme and authority as shown in messages: `http://127.0.0.1:8200`. */
  readonly origin: string;
}

/**
 * Parses an address.
 *
 * @throws CofferError `invalid-request` when it is not an http, https or unix URL
 */
export function parseEndpoint(address: string): Endpoint {
  if (address.startsWith('unix://')) {
    return {
      secure: false,
      host: 'localhost',
      port: 80,
      socketPath: address.slice(7),
      basePath: '',
      origin: 'http://localhost',
    };
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CofferError(
      'invalid-request',
      `address ${JSON.stringify(address)} is not a URL; use a form like "https://127.0.0.1:8200"`,
    );
  }
  const secure = url.protocol === 'https:';
  return {
    secure,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    socketPath: undefined,
    basePath: trimEndOf(url.pathname, '/'),
    origin: url.origin,
  };
}

/**
 * The request target for an API path: `database/creds/my role` gives `/v1/database/creds/my%20role`. Leading, trailing and
 * double slashes are dropped, as by Go's path.Join in Vault's client.
 *
 * @throws CofferError `invalid-request` when the path cannot be written as UTF-8
 */
export function requestTarget(endpoint: Endpoint, path: string, query: Query = {}): string {
  const joined = trimEndOf(posix.join('/', endpoint.basePath, 'v1', path), '/');
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const element of typeof value === 'string' ? [value] : value) parameters.append(key, element);
  }
  parameters.sort();
  const search = parameters.toString();
  return `${encodePath(joined)}${search === '' ? '' : `?${search}`}`;
}

function encodePath(path: string): string {
  if (!path.isWellFormed()) throw new CofferError('invalid-request', 'the path is not valid Unicode');
  return encodeURI(path).replace(/[?#]/g, encodeURIComponent);
}
