import { readFile } from 'node:fs/promises';
import { CofferError, errorText, type FileTrust, LOG_LEVELS, type LogLevel } from '@coffer/base';
import { type HclObject, parseHcl } from '@coffer/hcl';
import { AUDIT_KEYS, type AuditConfig, parseAudit } from './audit-config.ts';
import { defined } from './config-values.ts';
import { type ListenerConfig, parseListeners } from './listener-config.ts';
import { parsePluginDirectory, parsePluginTrust } from './plugin-config.ts';
import { parseSeal, type SealConfig } from './seal-config.ts';
import { parseStorage, type StorageConfig } from './storage-config.ts';
import { parseUserLockouts, type UserLockouts } from './user-lockout-config.ts';

/** What a configuration file says. Names and meanings are Vault's. Durations are seconds. */
export interface ServerConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly storage: StorageConfig;
  readonly seal?: SealConfig;
  readonly audit: AuditConfig;
  readonly pluginDirectory?: string;
  readonly pluginTrust?: FileTrust;
  readonly apiAddr?: string;
  /** Names the cluster when its store is opened for the first time. */
  readonly clusterName?: string;
  readonly defaultLeaseTtl?: number;
  readonly maxLeaseTtl?: number;
  readonly userLockouts?: UserLockouts;
  readonly logLevel?: LogLevel;
  /** How long a server that is to end is still there for those whom nobody has told yet. */
  readonly shutdownDelay?: number;
}

const KEYS = [
  'listener',
  'storage',
  'seal',
  ...AUDIT_KEYS,
  'enable_unauthenticated_access',
  'plugin_directory',
  'plugin_file_uid',
  'plugin_file_permissions',
  'api_addr',
  'cluster_name',
  'default_lease_ttl',
  'max_lease_ttl',
  'default_max_request_duration',
  'user_lockout',
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
  const seal = parseSeal(config);
  return {
    listeners: parseListeners(config),
    storage: parseStorage(config),
    ...(seal && { seal }),
    audit: parseAudit(config),
    ...defined('pluginDirectory', parsePluginDirectory(config)),
    ...defined('pluginTrust', parsePluginTrust(config)),
    ...defined('apiAddr', config.string('api_addr')),
    ...defined('clusterName', config.string('cluster_name') || undefined),
    ...parseLeaseLimits(config),
    ...defined('userLockouts', parseUserLockouts(config)),
    ...defined('logLevel', parseLogLevel(config)),
    ...defined('shutdownDelay', parseShutdownDelay(config)),
  };
}

function parseLeaseLimits(config: HclObject): Pick<ServerConfig, 'defaultLeaseTtl' | 'maxLeaseTtl'> {
  const defaultLeaseTtl = config.duration('default_lease_ttl');
  const maxLeaseTtl = config.duration('max_lease_ttl');
  if (defaultLeaseTtl !== undefined && defaultLeaseTtl > (maxLeaseTtl ?? Number.POSITIVE_INFINITY)) {
    throw config.error('"default_lease_ttl" is longer than "max_lease_ttl"', config.attribute('default_lease_ttl'));
  }
  return { ...defined('defaultLeaseTtl', defaultLeaseTtl), ...defined('maxLeaseTtl', maxLeaseTtl) };
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
