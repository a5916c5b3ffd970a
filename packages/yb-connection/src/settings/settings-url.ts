import { editDistance } from '@coffer/base';
import { FIELD_ALIASES, findConnectionField } from './connection-fields.ts';
import { OUR_SETTINGS } from './session-settings.ts';
import {
  type HostPort,
  invalid,
  parsePairs,
  parsePort,
  percentDecode,
  readOptions,
  splitHosts,
  splitOnce,
} from './url-syntax.ts';
import { canonical, type Findings, QUIET, valueOfAlias } from './values.ts';

/** What a connection URL says, percent-decoded and with its placeholders filled in. */
export interface UrlSettings {
  readonly hosts: readonly HostPort[];
  readonly username?: string;
  readonly password?: string;
  readonly database?: string;
  /** Which of the two it says itself, not by a placeholder. */
  readonly literal: ReadonlySet<'username' | 'password'>;
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
/** In double braces, or one of ours in other than two. */
const MISTYPED = /^\{\{.*\}\}$|^\{*\s*(?:username|password)\s*\}+$|^\{+\s*(?:username|password)\s*\}*$/is;
const isPlaceholder = (text: string): boolean => /^\{\{(?:username|password)\}\}$/.test(text);

/** A setting as it is written, and its value decoded and filled in. */
interface Pair {
  readonly key: string;
  readonly written: string;
  readonly value: string;
}

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
const OWN_KEYS = ['host', 'port', 'user', 'password', 'dbname', 'database', 'options'];
const IGNORED_IN_URL =
  /^(application_name|fallback_application_name|channel_binding|(min|max)_protocol_version|gss.*|krb.*|keepalives.*|tcp_user_timeout|client_encoding|sslcompression|sslcrl|sslcrldir|sslcertmode|sslkeylogfile|requiressl|ssl_(min|max)_protocol_version|require_auth|requirepeer|passfile|service|servicefile|scram_(client|server)_key|oauth_.*|replication|pool_.*|uselibpqcompat|default_query_exec_mode|(statement|description)_cache_capacity|min_read_buffer_size|sslnegotiation|hostaddr)$/;

/**
 * Takes apart a connection URL (or libpq's key=value string). `{{username}}` and `{{password}}` are filled in only after that,
 * so no character in their values can change what the rest means.
 *
 * @throws CofferError `invalid-request` naming `connection_url`; it never repeats the URL, which may contain a password
 */
export function parseConnectionUrl(text: string, credentials: UrlCredentials, findings: Findings = QUIET): UrlSettings {
  const trimmed = text.trim();
  const scheme = /^postgres(?:ql)?:\/\//i.exec(trimmed);
  const fill = (value: string): string => fillCredentials(value, credentials);
  if (scheme !== null) return parseUrl(trimmed.slice(scheme[0].length), fill, findings);
  if (/^[a-z_]+\s*=/i.test(trimmed)) {
    const pairs = parsePairs(trimmed).map(([key, written]): Pair => ({ key, written, value: fill(written) }));
    return fromPairs(pairs, findings);
  }
  throw invalid('must start with postgres:// or postgresql://, or be of the form "host=... port=... dbname=..."');
}

function parseUrl(rest: string, fill: (value: string) => string, findings: Findings): UrlSettings {
  // Placeholders are recognised before decoding: `%7B%7Bpassword%7D%7D` is somebody's odd password, not a placeholder.
  const decode = (part: string): string =>
    part
      .split(PLACEHOLDER)
      .map((piece) => (isPlaceholder(piece) ? fill(piece) : percentDecode(piece)))
      .join('');
  const [withoutFragment = '', fragment] = splitOnce(rest, '#');
  if (fragment !== undefined) {
    const problem = 'connection_url: what follows the "#" has no effect';
    findings.refuse(`field "connection_url": has a "#"; write one that belongs to a value as %23`, problem);
  }
  const [beforeQuery = '', query] = splitOnce(withoutFragment, '?');
  const [authority = '', path] = splitOnce(beforeQuery, '/');
  const at = authority.lastIndexOf('@');
  const [user, password] = at < 0 ? [] : splitOnce(authority.slice(0, at), ':');
  const hosts = splitHosts(authority.slice(at + 1), decode);

  const pairs = (query ?? '')
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): Pair => {
      const [key = '', written = ''] = splitOnce(pair, '=');
      return { key: percentDecode(key), written, value: decode(written) };
    });
  const first: Pair[] = [];
  if (user !== undefined && user !== '') first.push({ key: 'user', written: user, value: decode(user) });
  if (password !== undefined) first.push({ key: 'password', written: password, value: decode(password) });
  if (path !== undefined && path !== '') first.push({ key: 'dbname', written: path, value: decode(path) });
  // What stands before the "?" wins over the query: the last of a name counts.
  const settings = fromPairs([...pairs, ...first], findings, hosts.length > 0);
  return hosts.length === 0 ? settings : { ...settings, hosts: withQuery(hosts, pairs, findings) };
}

/** The hosts before the "?" win over a host and port in the query. */
function withQuery(hosts: readonly HostPort[], pairs: readonly Pair[], findings: Findings): readonly HostPort[] {
  const valueOf = (wanted: string): string | undefined =>
    pairs.findLast(({ key }) => settingName(key) === wanted)?.value;
  const [host, port] = [valueOf('host'), valueOf('port')];
  if (host === undefined && port === undefined) return hosts;
  const names = hosts.map((entry) => entry.host).join(',');
  const text = (all: readonly HostPort[]): string => all.map((one) => `${one.host} ${one.port ?? 5433}`).join();
  if (text(hostsFromPairs(host ?? names, port, QUIET)) !== text(hosts)) {
    findings.refuse(
      'field "connection_url": names a host or port in its query as well, and they differ: remove one of them',
      'connection_url: the host and port before the "?" override those in its query',
    );
  }
  return hosts;
}

/** The settings of a URL by what they are. */
interface Sorted {
  readonly own: ReadonlyMap<string, Pair>;
  readonly fields: Map<string, string>;
  readonly parameters: Map<string, string>;
  readonly ignored: Set<string>;
}

function sort(pairs: readonly Pair[], findings: Findings): Sorted {
  const own = new Map<string, Pair>();
  const fields = new Map<string, string>();
  const parameters = new Map<string, string>();
  const ignored = new Set<string>();
  for (const pair of pairs) {
    refuseUnknownPlaceholder(pair, findings);
    const key = settingName(pair.key);
    const field = FIELD_ALIASES.get(key) ?? key;
    if (OWN_KEYS.includes(key)) {
      const name = key === 'database' ? 'dbname' : key;
      if (own.has(name) && own.get(name)?.value !== pair.value) refuseRepeat(name, findings);
      own.set(name, pair);
    } else if (FIELDS_IN_URL.has(field)) {
      const value = fieldValue(key, pair.value, findings);
      const before = fields.get(field) ?? value;
      if (value === undefined || before === undefined) continue;
      if (canonical(field, before) !== canonical(field, value)) refuseRepeat(field, findings);
      fields.set(field, value);
    } else if (isIgnored(key)) ignored.add(key);
    else setParameter(parameters, key, pair.value, findings);
  }
  return { own, fields, parameters, ignored };
}

function fieldValue(key: string, value: string, findings: Findings): string | undefined {
  return key === 'statement_timeout' ? statementTimeoutSeconds(value) : valueOfAlias(key, value, findings);
}

/** `hasHost`: the hosts stand elsewhere. */
function fromPairs(pairs: readonly Pair[], findings: Findings, hasHost = false): UrlSettings {
  const { own, fields, parameters, ignored } = sort(pairs, findings);
  if (!hasHost && !own.has('host') && ignored.has('hostaddr')) {
    throw invalid('hostaddr is not supported: write the address as the host');
  }
  const options = readOptions(own.get('options')?.value ?? '');
  for (const [name, value] of options.parameters) {
    if (isIgnored(name)) ignored.add(name);
    else setParameter(parameters, name, value, findings);
  }
  if (options.rest !== '') parameters.set('options', options.rest);
  const hosts = hasHost ? [] : hostsFromPairs(own.get('host')?.value, own.get('port')?.value, findings);
  return {
    hosts,
    ...loginFromPairs(own),
    fields: Object.fromEntries(fields),
    parameters: Object.fromEntries(parameters),
    ignored: [...ignored],
  };
}

function loginFromPairs(
  own: ReadonlyMap<string, Pair>,
): Pick<UrlSettings, 'username' | 'password' | 'database' | 'literal'> {
  const [username, password, database] = ['user', 'password', 'dbname'].map((name) => own.get(name));
  const isLiteral = (pair: Pair | undefined): boolean => pair !== undefined && !PLACEHOLDER.test(pair.written);
  const literal = new Set<'username' | 'password'>();
  if (isLiteral(username)) literal.add('username');
  if (isLiteral(password)) literal.add('password');
  return {
    ...(username && { username: username.value }),
    ...(password && { password: password.value }),
    ...(database && { database: database.value }),
    literal,
  };
}

function refuseRepeat(name: string, findings: Findings): void {
  findings.refuse(
    `field "connection_url": says ${name} twice, and differently: remove one of them`,
    `connection_url says ${name} twice, and differently`,
  );
}

/** One that is mistyped would be taken for the value itself. What it says is not repeated: it may be somebody's odd password. */
function refuseUnknownPlaceholder({ key, written }: Pair, findings: Findings): void {
  if (!MISTYPED.test(written) || isPlaceholder(written)) return;
  const problem = `the value of "${key}" looks like a placeholder but is not one`;
  findings.refuse(
    `field "connection_url": ${problem}; there are {{username}} and {{password}} (a value that starts with braces can be given in its own field)`,
    `connection_url: ${problem}`,
  );
}

/** What is none of our settings goes to the server, which may refuse it only when somebody connects. */
function setParameter(parameters: Map<string, string>, name: string, value: string, findings: Findings): void {
  if (findings.isField?.(name) ?? findConnectionField(name) !== undefined) {
    findings.refuse(
      `field "connection_url": "${name}" is not a setting of a URL: give it in its own field`,
      `connection_url: "${name}" is sent to the server as a session setting`,
    );
  } else suggest(name, findings);
  if ((parameters.get(name) ?? value) !== value) refuseRepeat(name, findings);
  parameters.set(name, value);
}

function suggest(key: string, findings: Findings): void {
  const known = [...FIELDS_IN_URL, ...OWN_KEYS, ...FIELD_ALIASES.keys()];
  const meant =
    key.length < 5
      ? undefined
      : known.find((name) => editDistance(key.replaceAll(/[-_]/g, ''), name.replaceAll('_', '')) <= 2);
  if (meant === undefined) return;
  if (findings.mistyped !== undefined) findings.mistyped(key, meant);
  else findings.warn(`connection_url: "${key}" is sent to the server as a session setting; did you mean "${meant}"?`);
}

function hostsFromPairs(host: string | undefined, port: string | undefined, findings: Findings): HostPort[] {
  if (host === undefined || host === '') return [];
  const hosts = host.split(',');
  const given = (port ?? '').split(',');
  if (given.length !== 1 && given.length !== hosts.length) {
    findings.refuse(
      `field "connection_url": ${given.length} ports for ${hosts.length} host${hosts.length === 1 ? '' : 's'}: give one port, or one for each`,
      `connection_url: ${given.length} ports for ${hosts.length} hosts`,
    );
  }
  const ports = given.length === hosts.length ? given : given.filter((entry) => entry !== '');
  return hosts.map((entry, i) => {
    const own = ports[i] ?? ports[0] ?? '';
    return own === '' ? { host: entry } : { host: entry, port: parsePort(own) };
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
  return FIELDS_IN_URL.has(snake) || FIELD_ALIASES.has(snake) || IGNORED_IN_URL.test(snake) ? snake : key.toLowerCase();
}

function isIgnored(key: string): boolean {
  return IGNORED_IN_URL.test(key) || OUR_SETTINGS.has(key);
}

function fillCredentials(text: string, credentials: UrlCredentials): string {
  return text.replace(/\{\{(username|password)\}\}/g, (_, name: 'username' | 'password') => {
    const value = credentials[name];
    return credentials.encoded ? percentDecode(value) : value;
  });
}
