import type { HclItem, HclObject } from '@coffer/hcl';
import { hclPlace } from '@coffer/hcl';

type Kind = 'switch' | 'text' | 'number' | 'duration' | 'list' | 'any';

/** Keys of Vault and OpenBao that change nothing here: what a value must be, and why it has no effect. */
export const WITHOUT_EFFECT: Readonly<Record<string, readonly [Kind, string]>> = {
  adaptive_overload_protection: ['any', 'not supported; docs/production.md lists the limits that apply'],
  allow_unauthenticated_workflows: ['switch', 'there are no workflows'],
  cache_size: ['number', 'the caches have fixed sizes'],
  cloud: ['any', 'Coffer does not connect to HCP'],
  cluster_addr: ['text', 'nodes communicate only through the store'],
  cluster_cipher_suites: ['text', 'nodes communicate only through the store'],
  deny_slash_in_templated_paths: ['switch', 'a value with "/" never allows a path; docs/identity.md says what it does'],
  detect_deadlocks: ['text', 'there are no such locks'],
  disable_cache: ['switch', 'caches are always on, and never stale'],
  disable_clustering: ['switch', 'any number of nodes may share a store in a database'],
  disable_indexing: ['switch', 'not supported'],
  disable_mlock: ['switch', 'memory is never locked: encrypt swap, or disable it'],
  disable_performance_standby: ['switch', 'every unsealed node serves all requests'],
  disable_printable_check: ['switch', 'paths with unprintable characters are always refused'],
  disable_sealwrap: ['switch', 'the seal does not encrypt values a second time'],
  disable_sentinel_trace: ['switch', 'there are no Sentinel policies'],
  disable_standby_reads: ['switch', 'there are no standby nodes'],
  enable_post_unseal_trace: ['switch', 'there is no such trace'],
  enable_response_header_hostname: ['switch', 'responses do not name the node'],
  enable_response_header_raft_node_id: ['switch', 'there is no raft'],
  experiments: ['list', 'there are no experiments'],
  imprecise_lease_role_tracking: ['switch', 'leases are not counted for quotas'],
  introspection_endpoint: ['switch', 'there is no such endpoint'],
  license_path: ['text', 'no license is needed'],
  observations: ['any', 'observations are not written'],
  plugin_auto_download: ['switch', 'plugins are not downloaded'],
  plugin_auto_register: ['switch', 'register plugins with "plugin register"'],
  plugin_download_behavior: ['text', 'plugins are not downloaded'],
  plugin_download_max_size: ['any', 'plugins are not downloaded'],
  plugin_tmpdir: ['text', 'plugins do not run in containers'],
  post_unseal_trace_directory: ['text', 'there is no such trace'],
  raw_storage_endpoint: ['switch', 'there is no sys/raw'],
  remove_irrevocable_lease_after: ['duration', 'Coffer never gives up revoking a lease'],
  reporting: ['any', 'Coffer reports nothing to anyone'],
  service_registration: [
    'any',
    'nodes are not registered anywhere: point the health check of your load balancer at sys/health',
  ],
  ui: ['switch', 'there is no web interface'],
  unsafe_cross_namespace_identity: ['switch', 'there are no namespaces'],
  unsafe_relative_paths: ['switch', 'paths with ".." are always refused'],
};

/** Keys without which the server would be other than their author believes, and what to do. */
export const REFUSED: Readonly<Record<string, string>> = {
  administrative_namespace_path: 'there are no namespaces: remove it',
  enable_multiseal: 'there can be only one seal: remove it',
  entropy: 'random numbers come from the operating system: remove it',
  ha_backend: 'all nodes use "storage": remove it, and use storage "yugabytedb" for several nodes',
  ha_storage: 'all nodes use "storage": remove it, and use storage "yugabytedb" for several nodes',
  hsm: 'there are no HSMs: use seal "static", or none for key shares',
  initialize: 'remove it, and initialize the store with "operator init"',
  kms: 'use seal "static", or none for key shares',
  kms_library: 'there are no HSMs: use seal "static", or none for key shares',
  plugin: 'remove it, and register plugins with "plugin register"',
  replication: 'there is no replication: let nodes share storage "yugabytedb"',
  sentinel: 'there are no Sentinel policies: remove it',
};

/**
 * Takes out the keys of Vault that have no effect here, and says of each why, `FILE:LINE:COLUMN: …`; refuses those that
 * nobody may believe to have one.
 */
export function takeForeignKeys(config: HclObject): { readonly config: HclObject; readonly warnings: string[] } {
  const warnings: string[] = [];
  const own: HclItem[] = [];
  for (const item of config.items) {
    const [key] = item.keys;
    const refusal = Object.hasOwn(REFUSED, key) ? REFUSED[key] : undefined;
    const [kind, reason] = Object.hasOwn(WITHOUT_EFFECT, key) ? (WITHOUT_EFFECT[key] ?? []) : [];
    if (refusal !== undefined) {
      config.refuse(item, `"${key}" is not supported: ${refusal}`);
    } else if (kind === undefined) own.push(item);
    else {
      requireKind(config.withItems([item]), item, kind);
      warnings.push(`${hclPlace(item)}: "${key}" has no effect: ${reason}`);
    }
  }
  return { config: config.withItems(own), warnings };
}

/** A value that Vault would refuse is refused here too. */
function requireKind(config: HclObject, { keys: [key] }: HclItem, kind: Kind): void {
  if (kind === 'switch') config.boolean(key);
  if (kind === 'text') config.string(key);
  if (kind === 'number') config.number(key);
  if (kind === 'duration') config.duration(key);
  if (kind === 'list') config.strings(key);
}
