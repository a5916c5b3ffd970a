/** The names of the fields that are carried from the source, and of those that no server shows; tests/migrate/fields.test.ts holds them to what the server takes. */

/** The fields of our own plugin that a server shows. */
export const YSQL_FIELDS = [
  ...['connection_url', 'host', 'port', 'db', 'username', 'load_balance'],
  ...['yb_servers_refresh_interval', 'topology_keys', 'fallback_to_topology_keys_only'],
  ...['failed_host_reconnect_delay_secs', 'target_session_attrs'],
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslsni', 'tls_ca', 'tls_certificate', 'tls_server_name'],
  ...[
    'max_open_connections',
    'max_idle_connections',
    'max_connection_lifetime',
    'connect_timeout',
    'statement_timeout',
  ],
  ...['disable_escaping', 'username_template', 'password_authentication', 'owned_objects', 'reassign_owned_to'],
];
/** Other drivers' names for some of them, which our plugin takes and stores by its own. */
export const RENAMED: ReadonlyMap<string, string> = new Map([
  ['load_balance_hosts', 'load_balance'],
  ['failed_host_ttl_seconds', 'failed_host_reconnect_delay_secs'],
]);
/** What no server shows. They are given by -secrets. */
export const SECRET_FIELDS = ['password', 'private_key', 'sslpassword'];
/** Those of them that are more than one line. */
export const MANY_LINES = ['private_key'];

export const ROLE_FIELDS = [
  ...['db_name', 'creation_statements', 'revocation_statements', 'rollback_statements', 'renew_statements'],
  ...['default_ttl', 'max_ttl', 'valid_until', 'credential_type', 'credential_config'],
];

export const STATIC_ROLE_FIELDS = [
  ...['db_name', 'username', 'rotation_period', 'rotation_schedule', 'rotation_window', 'disable_automated_rotation'],
  ...['rotation_statements', 'credential_type', 'credential_config'],
];

export const APPROLE_FIELDS = [
  ...['role_id', 'bind_secret_id', 'secret_id_bound_cidrs', 'secret_id_num_uses', 'secret_id_ttl'],
  ...['token_bound_cidrs', 'token_explicit_max_ttl', 'token_max_ttl', 'token_no_default_policy', 'token_num_uses'],
  ...['token_period', 'token_policies', 'token_strictly_bind_ip', 'token_ttl', 'token_type'],
];

/** Of mounts: their tuning. */
export const TUNED = [
  'default_lease_ttl',
  'max_lease_ttl',
  'listing_visibility',
  'audit_non_hmac_request_keys',
  'audit_non_hmac_response_keys',
  'passthrough_request_headers',
  'allowed_response_headers',
  'token_type',
];
