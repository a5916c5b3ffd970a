import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { type HclObject, hclToJson } from '@coffer/hcl';
import { listenerBlocks, listenerType } from './listener-type.ts';
import type { ConfigFindings, ServerConfig } from './server-config.ts';

/** What the server logs, which the command line may have a say in. */
interface LogInUse {
  readonly level: string;
  readonly format: string;
}

/** Whatever is called so is not shown. */
const SECRET_NAME = /key$|password|secret|token|mac/i;
/** Names of files, and switches, which end like secrets. */
const OPEN_NAMES = new Set(['tls_key_file']);

/**
 * Vault's names (hashicorp/vault:command/server/config.go Sanitized): of storage and seals the type alone, no key, no URL; with
 * Vault's defaults for what has no effect here.
 */
export function sanitizedConfig({ config, source }: ConfigFindings, log: LogInUse): JsonObject {
  if (config === undefined) return {};
  const { apiAddr = '', clusterName = '', pluginDirectory = '', pluginTrust, pidFile = '' } = config;
  const clusterAddr = textOf(source, 'cluster_addr');
  const disableClustering = isOn(source, 'disable_clustering');
  return {
    api_addr: apiAddr,
    cache_size: Number(plain(source, 'cache_size') ?? 0),
    cluster_addr: clusterAddr,
    cluster_cipher_suites: textOf(source, 'cluster_cipher_suites'),
    cluster_name: clusterName,
    default_lease_ttl: config.defaultLeaseTtl ?? 0,
    // Nanoseconds, as Go writes a duration.
    default_max_request_duration: (source.duration('default_max_request_duration') ?? 0) * 1e9,
    disable_cache: isOn(source, 'disable_cache'),
    disable_clustering: disableClustering,
    disable_indexing: isOn(source, 'disable_indexing'),
    disable_mlock: isOn(source, 'disable_mlock'),
    disable_performance_standby: isOn(source, 'disable_performance_standby'),
    disable_printable_check: isOn(source, 'disable_printable_check'),
    disable_sealwrap: isOn(source, 'disable_sealwrap'),
    disable_sentinel_trace: isOn(source, 'disable_sentinel_trace'),
    enable_response_header_hostname: isOn(source, 'enable_response_header_hostname'),
    enable_response_header_raft_node_id: isOn(source, 'enable_response_header_raft_node_id'),
    enable_ui: isOn(source, 'ui'),
    introspection_endpoint: isOn(source, 'introspection_endpoint'),
    listeners: listenerBlocks(source).map((block) => ({
      type: listenerType(block),
      config: withoutSecrets(hclToJson(block.body)),
    })),
    ...logFiles(config),
    log_format: log.format,
    log_level: log.level,
    log_requests_level: config.logRequestsLevel ?? '',
    max_lease_ttl: config.maxLeaseTtl ?? 0,
    pid_file: pidFile,
    plugin_directory: pluginDirectory,
    plugin_file_permissions: pluginTrust?.permissions ?? 0,
    plugin_file_uid: pluginTrust?.uid ?? 0,
    raw_storage_endpoint: isOn(source, 'raw_storage_endpoint'),
    ...(config.seal && { seals: [{ type: 'static', disabled: false }] }),
    storage: {
      type: config.storage.type,
      redirect_addr: apiAddr,
      cluster_addr: clusterAddr,
      disable_clustering: disableClustering,
    },
  };
}

function logFiles({ logFile, logRotateBytes, logRotateDuration, logRotateMaxFiles }: ServerConfig): JsonObject {
  return {
    ...(logFile !== undefined && { log_file: logFile }),
    ...(logRotateBytes !== undefined && { log_rotate_bytes: logRotateBytes }),
    ...(logRotateDuration !== undefined && { log_rotate_duration: `${logRotateDuration}s` }),
    ...(logRotateMaxFiles !== undefined && { log_rotate_max_files: logRotateMaxFiles }),
  };
}

function withoutSecrets(value: JsonValue): JsonValue {
  if (isList(value)) return value.map(withoutSecrets);
  if (!isJsonObject(value)) return value;
  const shown = Object.entries<JsonValue>(value).filter(([name]) => OPEN_NAMES.has(name) || !SECRET_NAME.test(name));
  return Object.fromEntries(shown.map(([name, inner]) => [name, withoutSecrets(inner)]));
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The last that is set: the sources of this are merged, and have been checked. */
function plain(source: HclObject, name: string): string | number | boolean | undefined {
  const value = source.items.findLast(({ keys }) => keys[0] === name)?.value;
  return value === undefined || value.kind === 'list' || value.kind === 'object' ? undefined : value.value;
}

function textOf(source: HclObject, name: string): string {
  return String(plain(source, name) ?? '');
}

function isOn(source: HclObject, name: string): boolean {
  return /^(1|true)$/.test(textOf(source, name));
}
