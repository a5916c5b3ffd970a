import type { HclItem, HclObject } from '@coffer/hcl';
import { hclPlace } from '@coffer/hcl';

type Kind = 'switch' | 'text' | 'number' | 'duration' | 'list' | 'any';

/** Keys of Vault and OpenBao that change nothing here: what a value must be, and why it has no effect. */
export const WITHOUT_EFFECT: Readonly<Record<string, readonly [Kind, string]>> = {
  adaptive_overload_protection: ['any', 'there is no such protection; docs/production.md has the limits'],
  allow_unauthenticated_workflows: ['switch', 'there are no workflows'],
  cache_size: ['number', 'the caches have fixed sizes'],
  cloud: ['any', 'nothing is connected to HCP'],
  cluster_addr: ['text', 'the nodes talk to each other through their store alone'],
  cluster_cipher_suites: ['text', 'the nodes talk to each other through their store alone'],
  deny_slash_in_templated_paths: ['switch', 'a value with "/" never allows a path; docs/identity.md says what it does'],
  detect_deadlocks: ['text', 'there are no such locks'],
  disable_cache: ['switch', 'the caches are always on, and never out of date'],
  disable_clustering: ['switch', 'any number of nodes may share a store in a database'],
  disable_indexing: ['switch', 'there is no such index'],
  disable_mlock: ['switch', 'memory is never locked: encrypt swap, or have none'],
  disable_performance_standby: ['switch', 'every node that is unsealed serves all requests'],
  disable_printable_check: ['switch', 'paths with characters that cannot be printed are always refused'],
  disable_sealwrap: ['switch', 'there is no second encryption by the seal'],
  disable_sentinel_trace: ['switch', 'there are no Sentinel policies'],
  disable_standby_reads: ['switch', 'there are no standby nodes'],
  enable_post_unseal_trace: ['switch', 'there is no such trace'],
  enable_response_header_hostname: ['switch', 'answers do not name the node'],
  enable_response_header_raft_node_id: ['switch', 'there is no raft'],
  experiments: ['list', 'there are no experiments'],
  imprecise_lease_role_tracking: ['switch', 'leases are not counted for quotas'],
  introspection_endpoint: ['switch', 'there is no such endpoint'],
  license_path: ['text', 'no license is needed'],
  observations: ['any', 'observations are not written'],
  plugin_auto_download: ['switch', 'plugins are not downloaded'],
  plugin_auto_register: ['switch', 'plugins are registered by "plugin register"'],
  plugin_download_behavior: ['text', 'plugins are not downloaded'],
  plugin_download_max_size: ['any', 'plugins are not downloaded'],
  plugin_tmpdir: ['text', 'plugins do not run in containers'],
  post_unseal_trace_directory: ['text', 'there is no such trace'],
  raw_storage_endpoint: ['switch', 'there is no sys/raw'],
  remove_irrevocable_lease_after: ['duration', 'a lease that cannot be revoked is never given up'],
  reporting: ['any', 'nothing is reported to anybody'],
  service_registration: ['any', 'the node is not registered anywhere: have your balancer ask sys/health'],
  ui: ['switch', 'there is no web interface'],
  unsafe_cross_namespace_identity: ['switch', 'there are no namespaces'],
  unsafe_relative_paths: ['switch', 'paths with ".." are always refused'],
};

/** Keys without which the server would be other than their author believes, and what to do. */
export const REFUSED: Readonly<Record<string, string>> = {
  administrative_namespace_path: 'there are no namespaces: take it out',
  enable_multiseal: 'there can be one seal: take it out',
  entropy: 'random numbers come from the operating system: take it out',
  ha_backend: 'every node works on "storage": take it out, and use storage "yugabytedb" for several nodes',
  ha_storage: 'every node works on "storage": take it out, and use storage "yugabytedb" for several nodes',
  hsm: 'there are no HSMs: use seal "static", or none for key shares',
  initialize: 'a store is initialized by "operator init": take it out',
  kms: 'use seal "static", or none for key shares',
  kms_library: 'there are no HSMs: use seal "static", or none for key shares',
  plugin: 'register plugins with "plugin register": take it out',
  replication: 'there is no replication: let the nodes share storage "yugabytedb"',
  sentinel: 'there are no Sentinel policies: take it out',
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
