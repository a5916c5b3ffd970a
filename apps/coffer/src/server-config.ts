import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { CofferError, errorText, type FileTrust, LOG_LEVELS, type LogLevel, Secret } from '@coffer/base';
import type { UnauthenticatedAccess } from '@coffer/framework';
import { type HclBlock, type HclObject, parseHcl } from '@coffer/hcl';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';

export interface ListenerConfig extends ListenAddress {
  /** Files in PEM; absent for plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** The longest that a client is kept waiting, in milliseconds; the edge's default when absent. */
  readonly maxRequestMs?: number;
  /** What it serves without a token; none by default. */
  readonly unauthenticatedAccess?: readonly UnauthenticatedAccess[];
}

export type StorageConfig =
  | { readonly type: 'file'; readonly directory: string }
  | { readonly type: 'yugabytedb'; readonly connectionUrl: Secret; readonly maxConnections?: number };

/** Where to find a static key: `file:///path` or `env://NAME`. */
export interface StaticKeySource {
  readonly id: string;
  readonly url: string;
}

/** What a configuration file says. Names and meanings are Vault's. Durations are seconds. */
export interface ServerConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly storage: StorageConfig;
  readonly seal?: { readonly current: StaticKeySource; readonly previous?: StaticKeySource };
  readonly pluginDirectory?: string;
  readonly pluginTrust?: FileTrust;
  readonly apiAddr?: string;
  /** Names the cluster when its store is opened for the first time. */
  readonly clusterName?: string;
  readonly defaultLeaseTtl?: number;
  readonly maxLeaseTtl?: number;
  readonly logLevel?: LogLevel;
  /** How long a server that is to end is still there for those whom nobody has told yet. */
  readonly shutdownDelay?: number;
}

const KEYS = [
  'listener',
  'storage',
  'seal',
  'enable_unauthenticated_access',
  'plugin_directory',
  'plugin_file_uid',
  'plugin_file_permissions',
  'api_addr',
  'cluster_name',
  'default_lease_ttl',
  'max_lease_ttl',
  'default_max_request_duration',
  'log_level',
  'shutdown_delay',
];

/** In seconds: whoever stops the server waits for it. */
const LONGEST_SHUTDOWN_DELAY = 600;

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export async function readServerConfig(file: string): Promise<ServerConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CofferError('invalid-request', `cannot read the configuration: ${errorText(cause)}`, { cause });
  }
  return parseServerConfig(text, file);
}

/** The same from text. `name` goes in front of the position in messages. */
export function parseServerConfig(text: string, name: string): ServerConfig {
  const config = parseHcl(text, name, { omissions: 'refuse' });
  config.allowOnly(KEYS);
  const maxRequestMs = parseMaxRequestMs(config, 'default_max_request_duration');
  const openEverywhere = parseUnauthenticatedAccess(config);
  const listeners = config
    .blocks('listener', 1)
    .map((block) => ({ ...defined('maxRequestMs', maxRequestMs), ...parseListener(block, openEverywhere) }));
  if (listeners.length === 0) throw config.error('a block listener "tcp" { address = "127.0.0.1:8200" … } is missing');
  const pluginDirectory = config.string('plugin_directory');
  if (pluginDirectory !== undefined && !isAbsolute(pluginDirectory)) {
    throw config.error('"plugin_directory" must be an absolute path', config.attribute('plugin_directory'));
  }
  const seal = parseSeal(config);
  return {
    listeners,
    storage: parseStorage(config),
    ...(seal && { seal }),
    ...defined('pluginDirectory', pluginDirectory),
    ...defined('pluginTrust', parsePluginTrust(config)),
    ...defined('apiAddr', config.string('api_addr')),
    ...defined('clusterName', config.string('cluster_name') || undefined),
    ...parseLeaseLimits(config),
    ...defined('logLevel', parseLogLevel(config)),
    ...defined('shutdownDelay', parseShutdownDelay(config)),
  };
}

const GROUPS: readonly UnauthenticatedAccess[] = ['rekey', 'generate-root'];

/** Vault's key. @throws CofferError `invalid-request` for a group of paths that cannot be opened */
function parseUnauthenticatedAccess(config: HclObject): readonly UnauthenticatedAccess[] {
  const name = 'enable_unauthenticated_access';
  return (config.strings(name) ?? []).map((group) => {
    const found = GROUPS.find((each) => each === group);
    if (found !== undefined) return found;
    throw config.error(
      `"${name}" may hold ${GROUPS.map((each) => JSON.stringify(each)).join(' and ')}`,
      config.attribute(name),
    );
  });
}

/** OpenBao's keys, which say the same for a single listener. */
const DISABLED_BY: Readonly<Record<string, UnauthenticatedAccess>> = {
  disable_unauthed_rekey_endpoints: 'rekey',
  disable_unauthed_generate_root_endpoints: 'generate-root',
};

function parsePluginTrust(config: HclObject): FileTrust | undefined {
  const uid = config.number('plugin_file_uid');
  const permissions = parsePermissions(config, 'plugin_file_permissions');
  if (uid !== undefined && !(Number.isInteger(uid) && uid >= 0)) {
    throw config.error('"plugin_file_uid" must be the number of a user', config.attribute('plugin_file_uid'));
  }
  // 0 is the default of both, and says nothing, as in Vault.
  const trust = { ...(uid && { uid }), ...(permissions && { permissions }) };
  return Object.keys(trust).length === 0 ? undefined : trust;
}

/** Octal, as chmod(1) takes it; of a number the digits count, as in Vault. */
function parsePermissions(config: HclObject, name: string): number | undefined {
  const value = config.attribute(name);
  if (value === undefined) return undefined;
  const digits = value.kind === 'string' || value.kind === 'number' ? String(value.value) : '';
  if (/^[0-7]{1,4}$/.test(digits)) return Number.parseInt(digits, 8);
  throw config.error(`"${name}" must be permissions in octal, as in "0750"`, value);
}

function parseListener(block: HclBlock, openEverywhere: readonly UnauthenticatedAccess[]): ListenerConfig {
  const { body } = block;
  if (block.labels[0] !== 'tcp') throw body.error('the only type of listener is "tcp"', block);
  body.allowOnly([
    'address',
    'tls_disable',
    'tls_cert_file',
    'tls_key_file',
    'max_request_duration',
    ...Object.keys(DISABLED_BY),
  ]);
  const address = body.string('address') ?? '127.0.0.1:8200';
  const found = parseListenAddress(address);
  if (found === undefined) {
    throw body.error('"address" must be HOST:PORT, as in "127.0.0.1:8200"', body.attribute('address'));
  }
  const openHere = Object.entries(DISABLED_BY).flatMap(([key, group]) => (body.boolean(key) === false ? [group] : []));
  const open = [...new Set([...openEverywhere, ...openHere])];
  const parsed = { ...found, ...(open.length > 0 && { unauthenticatedAccess: open }) };
  const certFile = body.string('tls_cert_file');
  const keyFile = body.string('tls_key_file');
  const listener = { ...parsed, ...defined('maxRequestMs', parseMaxRequestMs(body, 'max_request_duration')) };
  if (parseTlsDisable(body)) return listener;
  if (certFile === undefined || keyFile === undefined) {
    throw body.error('give "tls_cert_file" and "tls_key_file", or "tls_disable = true" for plain HTTP', block);
  }
  return { ...listener, tls: { certFile, keyFile } };
}

/** Vault also takes 1 and 0 here, and its documentation uses them. */
function parseTlsDisable(body: HclObject): boolean {
  const value = body.attribute('tls_disable');
  if (value?.kind === 'number' && (value.value === 0 || value.value === 1)) return value.value === 1;
  if (value?.kind === 'string' && /^[01]$/.test(value.value)) return value.value === '1';
  return body.boolean('tls_disable') ?? false;
}

function parseStorage(config: HclObject): StorageConfig {
  const [block, second] = config.blocks('storage', 1);
  if (block === undefined) throw config.error('a block storage "file" { path = "…" } is missing');
  if (second !== undefined) throw config.error('"storage" is set twice', second);
  const { body } = block;
  switch (block.labels[0]) {
    case 'file': {
      body.allowOnly(['path']);
      const directory = body.string('path');
      if (!directory) throw body.error('storage "file" needs "path": the directory of the store', block);
      return { type: 'file', directory };
    }
    case 'yugabytedb': {
      body.allowOnly(['connection_url', 'max_parallel']);
      const connectionUrl = body.string('connection_url');
      if (!connectionUrl) throw body.error('storage "yugabytedb" needs "connection_url"', block);
      const maxConnections = body.number('max_parallel');
      if (maxConnections !== undefined && !(Number.isInteger(maxConnections) && maxConnections > 0)) {
        throw body.error(
          '"max_parallel" must be a whole number of connections, 1 or more',
          body.attribute('max_parallel'),
        );
      }
      return {
        type: 'yugabytedb',
        connectionUrl: new Secret(connectionUrl),
        ...defined('maxConnections', maxConnections),
      };
    }
    default:
      throw body.error('the types of storage are "file" and "yugabytedb"', block);
  }
}

function parseSeal(config: HclObject): ServerConfig['seal'] {
  const [block, second] = config.blocks('seal', 1);
  if (block === undefined) return undefined;
  if (second !== undefined) throw config.error('"seal" is set twice', second);
  const { body } = block;
  if (block.labels[0] !== 'static') {
    throw body.error('the only type of seal is "static"; without a seal block it is opened by key shares', block);
  }
  body.allowOnly(['current_key_id', 'current_key', 'previous_key_id', 'previous_key']);
  const current = parseKeySource(body, 'current');
  if (current === undefined) throw body.error('seal "static" needs "current_key_id" and "current_key"', block);
  const previous = parseKeySource(body, 'previous');
  return { current, ...(previous && { previous }) };
}

function parseKeySource(body: HclObject, which: 'current' | 'previous'): StaticKeySource | undefined {
  const id = body.string(`${which}_key_id`);
  const url = body.string(`${which}_key`);
  if (id === undefined && url === undefined) return undefined;
  if (!id || !url) throw body.error(`"${which}_key_id" and "${which}_key" go together`);
  if (!/^(file:\/\/\/.|env:\/\/.)/.test(url)) {
    throw body.error(`"${which}_key" must be "file:///PATH" or "env://NAME"`, body.attribute(`${which}_key`));
  }
  return { id, url };
}

function parseLeaseLimits(config: HclObject): Pick<ServerConfig, 'defaultLeaseTtl' | 'maxLeaseTtl'> {
  const defaultLeaseTtl = config.duration('default_lease_ttl');
  const maxLeaseTtl = config.duration('max_lease_ttl');
  if (defaultLeaseTtl !== undefined && defaultLeaseTtl > (maxLeaseTtl ?? Number.POSITIVE_INFINITY)) {
    throw config.error('"default_lease_ttl" is longer than "max_lease_ttl"', config.attribute('default_lease_ttl'));
  }
  return { ...defined('defaultLeaseTtl', defaultLeaseTtl), ...defined('maxLeaseTtl', maxLeaseTtl) };
}

/** 0 is the default, as in Vault. */
function parseMaxRequestMs(object: HclObject, key: string): number | undefined {
  const seconds = object.duration(key);
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000;
}

function parseLogLevel(config: HclObject): LogLevel | undefined {
  const text = config.string('log_level');
  if (text === undefined) return undefined;
  const level = LOG_LEVELS.find((each) => each === text.toLowerCase());
  if (level === undefined) {
    throw config.error(`"log_level" must be one of ${LOG_LEVELS.join(', ')}`, config.attribute('log_level'));
  }
  return level;
}

function parseShutdownDelay(config: HclObject): number | undefined {
  const name = 'shutdown_delay';
  const seconds = config.duration(name);
  if (seconds === undefined || seconds <= LONGEST_SHUTDOWN_DELAY) return seconds;
  throw config.error(
    `"${name}" must not be longer than ${LONGEST_SHUTDOWN_DELAY / 60} minutes`,
    config.attribute(name),
  );
}

function defined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
