import { CofferError, type JsonObject, type JsonValue, parseDuration, Secret } from '@coffer/base';
import { type BalanceMode, type BalancePolicy, parseTopologyKeys } from './balance.ts';
import {
  type ConnectionFieldName,
  LOAD_BALANCE_MODES,
  SSL_MODES,
  TARGET_SESSION_ATTRIBUTES,
  type TargetSessionAttributes,
} from './connection-fields.ts';
import { contradiction, contradictions, remedy, saidBy } from './contradictions.ts';
import { checkHosts, type Endpoint } from './hosts.ts';
import { warnOfNoEffect } from './no-effect.ts';
import { parseConnectionUrl, type UrlSettings } from './settings-url.ts';
import {
  BOOLEANS,
  byOurNames,
  type Findings,
  notOneOf,
  readBoolean,
  readChoice,
  readInteger,
  readText,
} from './values.ts';

export interface TlsSettings {
  readonly mode: (typeof SSL_MODES)[number];
  /** Inline PEM takes precedence over the path; empty means not given. */
  readonly ca: PemSource;
  readonly certificate: PemSource;
  readonly privateKey: PemSource;
  readonly keyPassword: Secret;
  readonly sendServerName: boolean;
  /** Empty: the host's name. */
  readonly serverName: string;
}

export interface PemSource {
  readonly pem: string;
  readonly path: string;
  readonly pathField: ConnectionFieldName;
  readonly pemField: ConnectionFieldName;
}

/** How to connect to a cluster. Times are in seconds. */
export interface ConnectionSettings {
  /** Contact points in the order in which to try them; at least one. */
  readonly hosts: readonly Endpoint[];
  readonly database: string;
  readonly username: string;
  readonly password: Secret;
  /** PostgreSQL run-time parameters, and `options`, from the URL. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Undefined: load balancing is off. */
  readonly balance: BalancePolicy | undefined;
  readonly refreshIntervalSeconds: number;
  readonly failedHostDelaySeconds: number;
  /** Undefined: any, standbys last. */
  readonly targetSession: TargetSessionAttributes | undefined;
  readonly tls: TlsSettings;
  /** Infinity: no limit. */
  readonly maxOpen: number;
  readonly maxIdle: number;
  /** How long a connection is kept while nobody uses it. Absent: for ever. */
  readonly longestIdleSeconds?: number;
  /** Nobody has set these limits: there may be a connection to each node of the cluster, however many nodes it has. */
  readonly oneForEachNode: Readonly<Record<'open' | 'idle', boolean>>;
  /** 0: for ever. */
  readonly maxLifetimeSeconds: number;
  readonly connectTimeoutSeconds: number;
  /** 0: no limit. */
  readonly statementTimeoutSeconds: number;
}

/**
 * Decodes what a configuration says of how to connect; other fields in it are not looked at.
 *
 * @throws CofferError `invalid-request` naming the field
 */
export function decodeConnection(written: JsonObject, findings: Findings): ConnectionSettings {
  const config = byOurNames(written, findings);
  const url = readUrl(config, findings);
  const values: JsonObject = { ...config, ...url?.fields };
  const text = (name: ConnectionFieldName): string => readText(values, name);
  const integer = (name: ConnectionFieldName): number => readInteger(values, name, findings);
  const seconds = (name: ConnectionFieldName): number => parseDuration(text(name), name);

  const tls = readTls(values);
  const settings: ConnectionSettings = {
    hosts: readHosts(url, text('host'), integer('port'), findings),
    ...readLogin(url, values, tls),
    parameters: url?.parameters ?? {},
    balance: readBalance(values, findings),
    refreshIntervalSeconds: integer('yb_servers_refresh_interval'),
    failedHostDelaySeconds: integer('failed_host_reconnect_delay_secs'),
    targetSession: readTargetSession(values, findings),
    tls,
    ...readPoolLimits(integer('max_open_connections'), integer('max_idle_connections')),
    oneForEachNode: {
      open: isUnset(config['max_open_connections']),
      idle: isUnset(config['max_idle_connections']),
    },
    maxLifetimeSeconds: seconds('max_connection_lifetime'),
    connectTimeoutSeconds: seconds('connect_timeout') || 10,
    statementTimeoutSeconds: seconds('statement_timeout'),
  };
  warnOfNoEffect(values, settings, findings);
  return settings;
}

function readLogin(
  url: UrlSettings | undefined,
  values: JsonObject,
  tls: TlsSettings,
): Pick<ConnectionSettings, 'username' | 'password' | 'database'> {
  const username = url?.username ?? readText(values, 'username');
  const password = url?.password ?? readText(values, 'password');
  if (username === '') throw new CofferError('invalid-request', 'username cannot be empty');
  const hasCertificate = tls.certificate.pem !== '' || tls.certificate.path !== '';
  if (url === undefined && password === '' && !hasCertificate) {
    throw new CofferError('invalid-request', 'password cannot be empty');
  }
  const database = url?.database ?? readText(values, 'db');
  return { username, password: new Secret(password), database: database === '' ? username : database };
}

/** It had no effect once, so what is stored may be anything. */
function readTargetSession(values: JsonObject, findings: Findings): TargetSessionAttributes | undefined {
  const text = readText(values, 'target_session_attrs');
  const choice = TARGET_SESSION_ATTRIBUTES.find((candidate) => candidate === text.toLowerCase());
  if (choice === undefined && text !== '') {
    const { message } = notOneOf('target_session_attrs', text, TARGET_SESSION_ATTRIBUTES);
    findings.refuse(message, `${message}, and has no effect`);
  }
  return choice;
}

/** 0 stands for the default, as in Vault. */
function isUnset(limit: JsonValue | undefined): boolean {
  return limit === undefined || limit === null || Number(limit) === 0;
}

function readPoolLimits(open: number, idle: number): Pick<ConnectionSettings, 'maxOpen' | 'maxIdle'> {
  const maxOpen = open < 0 ? Infinity : open === 0 ? 4 : open;
  return { maxOpen, maxIdle: idle < 0 ? 0 : Math.min(idle === 0 ? maxOpen : idle, maxOpen) };
}

function readUrl(config: JsonObject, findings: Findings): UrlSettings | undefined {
  const connectionUrl = readText(config, 'connection_url');
  if (connectionUrl === '') return undefined;
  const credentials = {
    username: readText(config, 'username'),
    password: readText(config, 'password'),
    encoded: readBoolean(config, 'disable_escaping'),
  };
  for (const name of ['username', 'password'] as const) {
    if (connectionUrl.includes(`{{${name}}}`) && credentials[name] === '') {
      throw new CofferError('invalid-request', `${name} cannot be empty: connection_url uses {{${name}}}`);
    }
  }
  const url = parseConnectionUrl(connectionUrl, credentials, findings);
  const said = saidBy(url);
  const losing = contradictions(config, said);
  const [first] = losing;
  if (first !== undefined) {
    findings.refuse(
      `${contradiction(first, config, said, 'connection_url')}: ${remedy(first)}`,
      `connection_url overrides ${losing.join(', ')}`,
    );
  }
  if (url.ignored.length > 0) {
    findings.warn(`settings of connection_url that have no effect: ${url.ignored.join(', ')}`);
  }
  return url;
}

function readHosts(url: UrlSettings | undefined, host: string, port: number, findings: Findings): readonly Endpoint[] {
  const entries = url?.hosts ?? host.split(',').map((entry) => ({ host: entry.trim(), port }));
  const hosts = entries.map(({ host: name, port: own }) => ({ host: name, port: own ?? findings.defaultPort ?? 5433 }));
  checkHosts(hosts, url === undefined ? 'host' : 'connection_url', findings);
  return hosts;
}

function readTls(values: JsonObject): TlsSettings {
  const source = (pemField: ConnectionFieldName, pathField: ConnectionFieldName): PemSource => ({
    pem: readText(values, pemField),
    path: readText(values, pathField),
    pemField,
    pathField,
  });
  return {
    mode: readChoice(values, 'sslmode', SSL_MODES),
    ca: source('tls_ca', 'sslrootcert'),
    certificate: source('tls_certificate', 'sslcert'),
    privateKey: source('private_key', 'sslkey'),
    keyPassword: new Secret(readText(values, 'sslpassword')),
    sendServerName: readBoolean(values, 'sslsni'),
    serverName: readText(values, 'tls_server_name'),
  };
}

function readBalance(values: JsonObject, findings: Findings): BalancePolicy | undefined {
  const text = readText(values, 'load_balance').toLowerCase();
  const topologyKeys = parseTopologyKeys(readText(values, 'topology_keys'), findings);
  const topologyKeysOnly = readBoolean(values, 'fallback_to_topology_keys_only');
  const boolean = BOOLEANS.get(text);
  if (boolean === false) return undefined;
  const mode = boolean === true ? 'any' : text;
  if (!isBalanceMode(mode)) throw notOneOf('load_balance', text, LOAD_BALANCE_MODES);
  return { mode, topologyKeys, topologyKeysOnly };
}

function isBalanceMode(text: string): text is BalanceMode {
  return ['any', 'only-primary', 'only-rr', 'prefer-primary', 'prefer-rr'].includes(text);
}
