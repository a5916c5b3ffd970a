import { CofferError, type FileTrust } from '@coffer/base';
import { SYSTEM_TTL } from '@coffer/framework';
import type { HclObject, HclReport } from '@coffer/hcl';
import { ownPaths } from './own-paths.ts';
import { AUDIT_KEYS, type AuditConfig, misplacedDevices, parseAudit } from './audit-config.ts';
import { reportClashes } from './clashes.ts';
import { parseConfigText, readConfigFiles } from './config-files.ts';
import { defined } from './config-values.ts';
import { takeForeignKeys } from './foreign-keys.ts';
import { type ListenerConfig, parseListeners } from './listener-config.ts';
import { type LogConfig, parseLog } from './log-config.ts';
import { parsePluginDirectory, parsePluginTrust } from './plugin-config.ts';
import { parseRequestLimiter, type RequestLimiterConfig } from './request-limiter-config.ts';
import { parseSeals, type SealsConfig } from './seal-config.ts';
import { connectionUrlFault, parseStorage, type StorageConfig } from './storage-config.ts';
import { parseTelemetry, type TelemetryConfig } from './telemetry-config.ts';
import { parseUserLockouts, type UserLockouts } from './user-lockout-config.ts';

/** What a configuration file says. Names and meanings are Vault's. Durations are seconds. */
export interface ServerConfig extends LogConfig, SealsConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly requestLimiter?: RequestLimiterConfig;
  readonly storage: StorageConfig;
  readonly audit: AuditConfig;
  readonly pluginDirectory?: string;
  readonly pluginTrust?: FileTrust;
  readonly apiAddr?: string;
  /** Names the cluster when its store is opened for the first time. */
  readonly clusterName?: string;
  readonly defaultLeaseTtl?: number;
  readonly maxLeaseTtl?: number;
  readonly userLockouts?: UserLockouts;
  readonly telemetry?: TelemetryConfig;
  readonly pidFile?: string;
  /** How long a server that is to end is still there for those whom nobody has told yet. */
  readonly shutdownDelay?: number;
}

/** What was read, whether or not it can be used. */
export interface ConfigFindings {
  /** Absent when there are errors. */
  readonly config?: ServerConfig;
  /** All that is wrong, each with its place. */
  readonly errors: readonly CofferError[];
  /** What has no effect, each with its place. */
  readonly warnings: readonly string[];
  /** Everything that the files say. */
  readonly source: HclObject;
  /** Those that were read. */
  readonly files: readonly string[];
}

/** Of these the server makes use. */
export const KEYS = [
  'listener',
  'request_limiter',
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
  'telemetry',
  'user_lockout',
  'log_level',
  'log_format',
  'log_file',
  'log_rotate_duration',
  'log_rotate_bytes',
  'log_rotate_max_files',
  'log_requests_level',
  'pid_file',
  'shutdown_delay',
];

/** In seconds: whoever stops the server waits for it. */
const LONGEST_SHUTDOWN_DELAY = 600;

/**
 * Reads files and directories, the later ones over the former. Never rejects: what is wrong is among the errors. `reserved`: what is
 * the server's own besides, as its log.
 */
export async function examineConfig(
  paths: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  reserved: readonly string[] = [],
): Promise<ConfigFindings> {
  const errors: CofferError[] = [];
  const { object, files } = await readConfigFiles(paths, env, (error) => errors.push(error));
  const { config, ...rest } = examine(object, errors);
  if (config !== undefined) {
    const own = [...reserved, ...paths, ...files, ...ownPaths(config)];
    const urlFault = await connectionUrlFault(object, config.storage);
    const faults = [...(urlFault ? [urlFault] : []), ...(await misplacedDevices(object, config.audit, own))];
    if (faults.length > 0) return { ...rest, errors: faults, files };
  }
  return { ...rest, ...(config && { config }), files };
}

/** From text. `name` goes in front of the position in messages. @throws CofferError `invalid-request` with all that is wrong */
export function parseServerConfig(text: string, name: string): ServerConfig {
  const errors: CofferError[] = [];
  return requireConfig(
    examine(
      parseConfigText(text, name, (error) => errors.push(error)),
      errors,
    ),
  );
}

/** @throws CofferError `invalid-request`: a line `FILE:LINE:COLUMN: what is wrong` for each error */
export function requireConfig({ config, errors }: Pick<ConfigFindings, 'config' | 'errors'>): ServerConfig {
  if (config !== undefined) return config;
  throw new CofferError('invalid-request', errors.map(({ message }) => message).join('\n'));
}

function examine(source: HclObject, errors: CofferError[]): Omit<ConfigFindings, 'files'> {
  // Of a file that could not be read nobody knows what it says: something would seem to be missing.
  const isWhole = errors.length === 0;
  const { config: own, warnings } = takeForeignKeys(source);
  own.allowOnly(KEYS);
  const config = isWhole ? parseKeys(own, (error) => errors.push(error)) : undefined;
  const distinct = errors.filter(({ message }, at) => errors.findIndex((each) => each.message === message) === at);
  const ofListeners = (config?.listeners ?? []).flatMap((listener) => listener.warnings ?? []);
  const all = [...warnings, ...oncePerKey(ofListeners), ...(config?.telemetry?.warnings ?? [])];
  return { ...(distinct.length === 0 && config && { config }), errors: distinct, warnings: all, source };
}

/** A key without effect is told where it stands first, however many listeners have it, or addresses one of them. */
function oncePerKey(warnings: readonly string[]): string[] {
  const keyOf = (warning: string) => /"\w+" has no effect: /.exec(warning)?.[0] ?? warning;
  return warnings.filter((warning, at) => warnings.findIndex((each) => keyOf(each) === keyOf(warning)) === at);
}

/** Undefined when something is missing: each part is parsed for itself, so that all errors come to light. */
function parseKeys(config: HclObject, report: HclReport): ServerConfig | undefined {
  const attempt = <T>(parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (thrown) {
      report(CofferError.from(thrown));
      return undefined;
    }
  };
  const listeners = eachListener(config).flatMap((one) => attempt(() => parseListeners(one)) ?? []);
  attempt(() => reportClashes(config, report));
  const storage = attempt(() => parseStorage(config));
  const audit = attempt(() => parseAudit(config));
  const rest = {
    ...attempt(() => parseSeals(config)),
    ...defined(
      'requestLimiter',
      attempt(() => parseRequestLimiter(config)),
    ),
    ...defined(
      'pluginDirectory',
      attempt(() => parsePluginDirectory(config)),
    ),
    ...defined(
      'pluginTrust',
      attempt(() => parsePluginTrust(config)),
    ),
    ...defined(
      'apiAddr',
      attempt(() => parseApiAddr(config)),
    ),
    ...defined('clusterName', config.string('cluster_name') || undefined),
    ...defined(
      'userLockouts',
      attempt(() => parseUserLockouts(config)),
    ),
    ...defined(
      'telemetry',
      attempt(() => parseTelemetry(config)),
    ),
    ...attempt(() => parseLeaseLimits(config)),
    ...attempt(() => parseLog(config)),
    ...defined('pidFile', config.string('pid_file') || undefined),
    ...defined(
      'shutdownDelay',
      attempt(() => parseShutdownDelay(config)),
    ),
  };
  return storage && audit && { listeners, storage, audit, ...rest };
}

/** The configuration as if each listener were the only one. */
function eachListener(config: HclObject): HclObject[] {
  const listeners = config.items.filter(({ keys }) => keys[0] === 'listener');
  const rest = config.items.filter(({ keys }) => keys[0] !== 'listener');
  return listeners.length < 2 ? [config] : listeners.map((listener) => config.withItems([...rest, listener]));
}

function parseLeaseLimits(config: HclObject): Pick<ServerConfig, 'defaultLeaseTtl' | 'maxLeaseTtl'> {
  const defaultLeaseTtl = config.duration('default_lease_ttl');
  const maxLeaseTtl = config.duration('max_lease_ttl');
  // 0 is the default.
  const [longest, byDefault] = [
    maxLeaseTtl || SYSTEM_TTL.maxTtl,
    maxLeaseTtl ? '' : ', which is 768h where it is not set',
  ];
  if (defaultLeaseTtl !== undefined && defaultLeaseTtl > longest) {
    throw config.error(
      `"default_lease_ttl" is longer than "max_lease_ttl"${byDefault}`,
      config.attribute('default_lease_ttl'),
    );
  }
  return { ...defined('defaultLeaseTtl', defaultLeaseTtl), ...defined('maxLeaseTtl', maxLeaseTtl) };
}

/** Vault's templates (`{{ GetPrivateIP }}`) would need to look at interfaces: to take one for a name would be worse than to refuse it. */
function parseApiAddr(config: HclObject): string | undefined {
  const name = 'api_addr';
  const text = config.string(name) || undefined;
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && !text.includes('{{')) return text;
  throw config.error(
    `"${name}" must be an http:// or https:// URL, as in "https://coffer.example.com:8200", without templates`,
    config.attribute(name),
  );
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
