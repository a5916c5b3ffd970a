import { CofferError } from '@coffer/base';
import { OUR_SETTINGS } from './session-settings.ts';

export interface HostPort {
  readonly host: string;
  /** Absent: the default port. */
  readonly port?: number;
}

/** What a connection URL says, percent-decoded and with its placeholders filled in. */
export interface UrlSettings {
  readonly hosts: readonly HostPort[];
  readonly username?: string;
  readonly password?: string;
  readonly database?: string;
  /** Values by our names for the fields, from the query string (or from libpq's key=value form). */
  readonly fields: Readonly<Record<string, string>>;
  /** PostgreSQL run-time parameters for the session, such as search_path. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Settings of libpq or pgx that have no effect here. */
  readonly ignored: readonly string[];
}

export interface UrlCredentials {
  readonly username: string;
  readonly password: string;
  /** The values are already percent-encoded (Vault's disable_escaping). */
  readonly encoded: boolean;
}

const PLACEHOLDER = /(\{\{(?:username|password)\}\})/;
const isPlaceholder = (text: string): boolean => /^\{\{(?:username|password)\}\}$/.test(text);

const FIELDS_IN_URL = new Set([
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslsni',
  'load_balance',
  'yb_servers_refresh_interval',
  'topology_keys',
  'fallback_to_topology_keys_only',
  'failed_host_reconnect_delay_secs',
  'target_session_attrs',
  'connect_timeout',
  'statement_timeout',
]);
const IGNORED_IN_URL =
  /^(application_name|fallback_application_name|channel_binding|gss.*|krb.*|keepalives.*|tcp_user_timeout|client_encoding|sslcompression|sslcrl|ssl_(min|max)_protocol_version|require_auth|requirepeer|passfile|service|pool_.*|default_query_exec_mode|(statement|description)_cache_capacity|min_read_buffer_size|sslnegotiation|hostaddr|load_balance_hosts)$/;

/**
 * Takes apart a connection URL (or libpq's key=value string). `{{username}}` and `{{password}}` are filled in only after that,
 * so no character in their values can change what the rest means.
 *
 * @throws CofferError `invalid-request` naming `connection_url`; it never repeats the URL, which may contain a password
 */
export function parseConnectionUrl(text: string, credentials: UrlCredentials): UrlSettings {
  const trimmed = text.trim();
  const scheme = /^postgres(?:ql)?:\/\//i.exec(trimmed);
  const fill = (value: string): string => fillCredentials(value, credentials);
  if (scheme !== null) return parseUrl(trimmed.slice(scheme[0].length), fill);
  if (/^[a-z_]+\s*=/i.test(trimmed)) return fromPairs(parsePairs(trimmed).map(([key, value]) => [key, fill(value)]));
  throw invalid('must start with postgres:// or postgresql://, or be of the form "host=... port=... dbname=..."');
}

function parseUrl(rest: string, fill: (value: string) => string): UrlSettings {
  // Placeholders are recognised before decoding: `%7B%7Bpassword%7D%7D` is somebody's odd password, not a placeholder.
  const decode = (part: string): string =>
    part
      .split(PLACEHOLDER)
      .map((piece) => (isPlaceholder(piece) ? fill(piece) : percentDecode(piece)))
      .join('');
  const [withoutFragment = ''] = splitOnce(rest, '#');
  const [beforeQuery = '', query] = splitOnce(withoutFragment, '?');
  const [authority = '', path] = splitOnce(beforeQuery, '/');
  const at = authority.lastIndexOf('@');
  const [user, password] = at < 0 ? [] : splitOnce(authority.slice(0, at), ':');
  const hosts = splitHosts(authority.slice(at + 1), decode);

  const pairs = (query ?? '')
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const [key = '', value = ''] = splitOnce(pair, '=');
      return [percentDecode(key), decode(value)];
    });
  const fromQuery = fromPairs(pairs);
  return {
    ...fromQuery,
    hosts: hosts.length > 0 ? hosts : fromQuery.hosts,
    ...(user !== undefined && user !== '' && { username: decode(user) }),
    ...(password !== undefined && { password: decode(password) }),
    ...(path !== undefined && path !== '' && { database: decode(path) }),
  };
}

function splitHosts(text: string, decode: (part: string) => string): HostPort[] {
  if (text === '') return [];
  return text.split(',').map((entry) => {
    const match = /^(\[[^\]]+\]|[^:]*)(?::(.*))?$/.exec(entry);
    if (match === null) throw invalid(`a host is not of the form host:port (an IPv6 address needs brackets)`);
    const host = decode((match[1] ?? '').replace(/^\[(.*)\]$/, '$1'));
    return match[2] === undefined || match[2] === '' ? { host } : { host, port: parsePort(match[2]) };
  });
}

function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) {
    throw invalid(
      'a port is not a number from 1 to 65535 (a special character in user or password must be percent-encoded)',
    );
  }
  return port;
}

function fromPairs(pairs: readonly (readonly [string, string])[]): UrlSettings {
  const fields = new Map<string, string>();
  const parameters = new Map<string, string>();
  const ignored: string[] = [];
  const own = new Map<string, string>();
  for (const [rawKey, value] of pairs) {
    const key = settingName(rawKey);
    if (['host', 'port', 'user', 'password', 'dbname', 'database', 'options'].includes(key)) own.set(key, value);
    else if (key === 'statement_timeout') fields.set(key, statementTimeoutSeconds(value));
    else if (FIELDS_IN_URL.has(key)) fields.set(key, value);
    else if (isIgnored(key)) ignored.push(key);
    else parameters.set(key, value);
  }
  const options = readOptions(own.get('options') ?? '');
  for (const [name, value] of options.parameters) {
    if (isIgnored(name)) ignored.push(name);
    else parameters.set(name, value);
  }
  if (options.rest !== '') parameters.set('options', options.rest);
  const database = own.get('dbname') ?? own.get('database');
  const username = own.get('user');
  const password = own.get('password');
  return {
    hosts: hostsFromPairs(own.get('host'), own.get('port')),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database }),
    fields: Object.fromEntries(fields),
    parameters: Object.fromEntries(parameters),
    ignored,
  };
}

function hostsFromPairs(host: string | undefined, port: string | undefined): HostPort[] {
  if (host === undefined || host === '') return [];
  const ports = (port ?? '').split(',').filter((entry) => entry !== '');
  return host.split(',').map((entry, i) => {
    const own = ports[i] ?? ports[0];
    return own === undefined ? { host: entry } : { host: entry, port: parsePort(own) };
  });
}

/** PostgreSQL's own statement_timeout is in milliseconds if it has no unit; our field is in seconds. */
function statementTimeoutSeconds(value: string): string {
  return /^\d+$/.test(value) ? String(Math.ceil(Number(value) / 1000)) : value;
}

/**
 * JDBC's `load-balance` and Node's `loadBalance` are the same setting as Go's `load_balance`. In the names of the server's own
 * settings (`TimeZone`) case does not matter.
 */
function settingName(key: string): string {
  const snake = key.replaceAll('-', '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return FIELDS_IN_URL.has(snake) || IGNORED_IN_URL.test(snake) ? snake : key.toLowerCase();
}

function isIgnored(key: string): boolean {
  return IGNORED_IN_URL.test(key) || OUR_SETTINGS.has(key);
}

/** PostgreSQL's `options`: words with backslash escapes, of which `-c name=value` and `--name=value` are settings. */
function readOptions(text: string): { readonly parameters: readonly [string, string][]; readonly rest: string } {
  const words = [...text.matchAll(/(?:[^\s\\]|\\.)+/gs)].map(([word]) => word);
  const parameters: [string, string][] = [];
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const setting = word === '-c' ? `-c${words[++at] ?? ''}` : word;
    const [, name, value] = /^(?:-c|--)([\w.-]+)=(.*)$/s.exec(setting) ?? [];
    if (name === undefined || value === undefined) rest.push(setting);
    else parameters.push([name.replaceAll('-', '_').toLowerCase(), value.replace(/\\(.)/gs, '$1')]);
  }
  return { parameters, rest: rest.join(' ') };
}

/** libpq's `key = value` pairs. A value may be in single quotes, with backslash escapes. */
function parsePairs(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  const pattern = /\s*([A-Za-z_-]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gsy;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const value = match[2] ?? match[3] ?? '';
    pairs.push([match[1] ?? '', value.replace(/\\(.)/gs, '$1')]);
    end = match.index + match[0].length;
  }
  if (text.slice(end).trim() !== '') throw invalid(`key=value form: cannot read from character ${end + 1} on`);
  return pairs;
}

function fillCredentials(text: string, credentials: UrlCredentials): string {
  return text.replace(/\{\{(username|password)\}\}/g, (_, name: 'username' | 'password') => {
    const value = credentials[name];
    return credentials.encoded ? percentDecode(value) : value;
  });
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a "%" that does not start a percent-encoded character; write a literal % as %25');
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function invalid(message: string): CofferError {
  return new CofferError('invalid-request', `field "connection_url": ${message}`);
}
