import type { HclObject } from '@coffer/hcl';

/** What each type of listener takes. */
const COMMON = [
  'type',
  'address',
  'max_request_duration',
  'max_request_size',
  'max_request_json_memory',
  'max_request_json_strings',
  'max_json_depth',
  'max_json_string_value_length',
  'http_read_header_timeout',
  'http_read_timeout',
  'http_write_timeout',
  'http_idle_timeout',
  'disable_request_limiter',
  'custom_response_headers',
  'telemetry',
  'profiling',
  'inflight_requests_logging',
  'redact_addresses',
  'redact_cluster_name',
  'redact_version',
  // Nothing of that kind is served: it is as if each were always set.
  'disable_replication_status_endpoints',
  'disable_unauthed_rekey_endpoints',
  'disable_unauthed_generate_root_endpoints',
];
const TCP = [
  'tls_disable',
  'tls_cert_file',
  'tls_key_file',
  'tls_min_version',
  'tls_max_version',
  'tls_cipher_suites',
  'tls_key_exchange_preferences',
  'tls_client_ca_file',
  'tls_require_and_verify_client_cert',
  'tls_disable_client_certs',
  'x_forwarded_for_authorized_addrs',
  'x_forwarded_for_hop_skips',
  'x_forwarded_for_reject_not_present',
  'x_forwarded_for_reject_not_authorized',
  'x_forwarded_for_client_cert_header',
  'x_forwarded_for_client_cert_header_decoders',
];
const UNIX = ['socket_mode', 'socket_user', 'socket_group'];

const VALUES = 'a request may contain 10,000 values in total';
/** Keys of Vault and OpenBao that change nothing here, and why. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  cluster_address: 'nodes communicate only through the store',
  tls_prefer_server_cipher_suites: "the server's order always applies",
  max_json_object_entry_count: VALUES,
  max_json_array_element_count: VALUES,
  max_json_token: VALUES,
  max_token_header_size: 'the headers of a request may have 16 KiB in total',
  x_forwarded_for_client_cert_keep_not_forwarded: 'only an authorized proxy can pass on a certificate',
  x_forwarded_for_client_cert_keep_unauthorized: 'only an authorized proxy can pass on a certificate',
};

const AGENT = "it belongs to Vault's agent";
const PROXY_PROTOCOL =
  'the PROXY protocol is not supported: let the proxy send X-Forwarded-For (x_forwarded_for_authorized_addrs)';
const CORS = 'cross-origin requests are not supported: put a proxy in front that allows them';
const RELOAD = 'certificates are reloaded at SIGHUP: send one after each renewal';
/** Keys that would be expected to do something, and what to do in their place. A switch that is off is no matter. */
const NOT_SUPPORTED: Readonly<Record<string, string>> = {
  agent_api: AGENT,
  proxy_api: AGENT,
  role: AGENT,
  purpose: AGENT,
  require_request_header: AGENT,
  proxy_protocol_behavior: PROXY_PROTOCOL,
  proxy_protocol_authorized_addrs: PROXY_PROTOCOL,
  chroot_namespace: 'there are no namespaces',
  cors_enabled: CORS,
  cors_allowed_origins: CORS,
  cors_allowed_headers: CORS,
  cors_allow_credentials: CORS,
  tls_auto_reload: RELOAD,
  tls_auto_reload_interval: RELOAD,
  x_forwarded_for_client_cert_decoders: 'use Vault\'s "x_forwarded_for_client_cert_header_decoders"',
};

/**
 * Refuses a key that this type of listener does not take. Returns a warning for each that changes nothing.
 * @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong`
 */
export function checkListenerKeys(body: HclObject, type: 'tcp' | 'unix'): string[] {
  const [own, others] = type === 'tcp' ? [TCP, UNIX] : [UNIX, TCP];
  const warnings: string[] = [];
  const idle: string[] = [];
  for (const item of body.items) {
    const [key] = item.keys;
    const effectless = WITHOUT_EFFECT[key];
    if (effectless !== undefined) warnings.push(body.error(`"${key}" has no effect: ${effectless}`, item).message);
    const instead = key.startsWith('tls_acme_') ? 'ACME is not supported: use an ACME client' : NOT_SUPPORTED[key];
    const isOff = item.value.kind === 'bool' && !item.value.value;
    if (instead !== undefined && !isOff) throw body.error(`"${key}" is not supported: ${instead}`, item);
    if (instead !== undefined || effectless !== undefined) idle.push(key);
    if (others.includes(key)) {
      throw body.error(`"${key}" is for listener "${type === 'tcp' ? 'unix' : 'tcp'}"`, item);
    }
  }
  body.allowOnly([...COMMON, ...own, ...idle]);
  if (type === 'tcp') warnings.push(...contradictions(body));
  return warnings;
}

/** Keys that only mean something with another one, as Vault's `operator diagnose` finds them. */
const NEEDS: readonly (readonly [string, string])[] = [
  ['tls_client_ca_file', 'tls_require_and_verify_client_cert'],
  ['x_forwarded_for_hop_skips', 'x_forwarded_for_authorized_addrs'],
  ['x_forwarded_for_reject_not_present', 'x_forwarded_for_authorized_addrs'],
  ['x_forwarded_for_reject_not_authorized', 'x_forwarded_for_authorized_addrs'],
];

function contradictions(body: HclObject): string[] {
  return NEEDS.flatMap(([key, needed]) => {
    const at = body.attribute(key);
    const isNeedless = at === undefined || isOn(body, needed);
    return isNeedless ? [] : [body.error(`"${key}" has no effect without "${needed}"`, at).message];
  });
}

function isOn(body: HclObject, key: string): boolean {
  const value = body.attribute(key);
  return key.startsWith('tls_') ? body.boolean(key) === true : value !== undefined;
}
