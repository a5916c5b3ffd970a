/** One field of a configuration, as data: for decoding, documentation and "unknown field" errors. */
export interface SettingField {
  readonly name: string;
  /** Its value must never be shown. */
  readonly secret?: boolean;
  /** Any value may also be given as a string. A `duration` is in seconds or in Go's notation (`1h30m`). */
  readonly type: 'string' | 'integer' | 'boolean' | 'duration';
  /** Absent: the field is optional and has no default. */
  readonly default?: string | number | boolean;
  /** The only values accepted. */
  readonly choices?: readonly string[];
  /** The bounds of an integer, inclusive. */
  readonly range?: readonly [number, number];
  readonly description: string;
}

export const LOAD_BALANCE_MODES = [
  'false',
  'true',
  'any',
  'only-primary',
  'only-rr',
  'prefer-primary',
  'prefer-rr',
] as const;
export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
/** libpq's target_session_attrs. */
export const TARGET_SESSION_ATTRIBUTES = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const;
export type TargetSessionAttributes = (typeof TARGET_SESSION_ATTRIBUTES)[number];

/**
 * Every field that says how to connect to a cluster: those of the Go plugin (yugabyte/hashicorp-vault-ysql-plugin:connection_producer.go),
 * of Vault's PostgreSQL plugin (pool, inline TLS) and of the smart drivers, and our own.
 */
export const CONNECTION_FIELDS = [
  {
    name: 'connection_url',
    type: 'string',
    description:
      'postgres://{{username}}:{{password}}@host:port/db?setting=value, or libpq\'s "host=... port=..." form. Fields that contradict it are refused. Several hosts are tried in order.',
  },
  {
    name: 'host',
    type: 'string',
    description:
      'Contact point: a host name, address, or Unix socket directory. Several, separated by commas, are tried in order.',
  },
  { name: 'port', type: 'integer', default: 5433, range: [1, 65535], description: 'The YSQL port.' },
  { name: 'db', type: 'string', description: "Database to connect to. Default: the user's name, as libpq." },
  { name: 'username', type: 'string', description: 'The admin user, which creates and drops users.' },
  { name: 'password', type: 'string', secret: true, description: "The admin user's password." },
  {
    name: 'load_balance',
    type: 'string',
    default: 'false',
    choices: LOAD_BALANCE_MODES,
    description:
      'Spread connections over the nodes that yb_servers() lists. only-* and prefer-* select a node type. Also: load_balance_hosts.',
  },
  {
    name: 'yb_servers_refresh_interval',
    type: 'integer',
    default: 300,
    range: [0, 600],
    description: 'Seconds after which opening a connection refreshes the list from yb_servers(). 0: every time.',
  },
  {
    name: 'topology_keys',
    type: 'string',
    description:
      'Preferred placements, as "cloud.region.zone:level", separated by commas. Level is 1 to 10; zone may be *.',
  },
  {
    name: 'fallback_to_topology_keys_only',
    type: 'boolean',
    default: false,
    description: 'Never use nodes outside topology_keys. Ignored with prefer-*.',
  },
  {
    name: 'failed_host_reconnect_delay_secs',
    type: 'integer',
    default: 5,
    range: [0, 60],
    description:
      'Seconds for which a node that could not be reached is set aside; doubles with each failure in a row. Also: failed_host_ttl_seconds.',
  },
  {
    name: 'target_session_attrs',
    type: 'string',
    choices: TARGET_SESSION_ATTRIBUTES,
    description:
      'As in libpq: hosts that do not match are passed over. Default: any host, a standby only when there is no other.',
  },
  {
    name: 'sslmode',
    type: 'string',
    default: 'prefer',
    choices: SSL_MODES,
    description: 'As in libpq. require verifies the certificate authority if one is given.',
  },
  {
    name: 'sslrootcert',
    type: 'string',
    description:
      'File with the certificate authorities to trust, or system. Default for verify-ca and verify-full: those that Node.js trusts.',
  },
  { name: 'sslcert', type: 'string', description: "File with the client's certificate." },
  { name: 'sslkey', type: 'string', description: "File with the client's private key." },
  { name: 'sslpassword', type: 'string', secret: true, description: "Password of the client's private key." },
  {
    name: 'sslsni',
    type: 'boolean',
    default: true,
    description: 'Send the host name in the TLS handshake (SNI). As in libpq, 0 or 1.',
  },
  { name: 'tls_ca', type: 'string', description: 'Certificate authorities to trust, in PEM. Overrides sslrootcert.' },
  { name: 'tls_certificate', type: 'string', description: "The client's certificate, in PEM. Overrides sslcert." },
  {
    name: 'private_key',
    type: 'string',
    secret: true,
    description: "The client's private key, in PEM. Overrides sslkey.",
  },
  {
    name: 'tls_server_name',
    type: 'string',
    description:
      "Name to expect in the server's certificate, instead of the host. For nodes that are known only by address.",
  },
  {
    name: 'max_open_connections',
    type: 'integer',
    default: 4,
    description:
      'Most connections open at once, over all nodes; negative: no limit. Unset or 0: 4, or one for each node if there are more.',
  },
  {
    name: 'max_idle_connections',
    type: 'integer',
    default: 0,
    description: 'Most connections kept open while idle; 0: as many as max_open_connections; negative: none.',
  },
  {
    name: 'max_connection_lifetime',
    type: 'duration',
    default: '0s',
    description: 'Age at which a connection is replaced. 0: never.',
  },
  {
    name: 'connect_timeout',
    type: 'duration',
    default: '10s',
    description: 'Time limit for connecting to one address.',
  },
  {
    name: 'statement_timeout',
    type: 'duration',
    default: '30s',
    description: 'Time limit for one statement. 0: no limit.',
  },
  {
    name: 'disable_escaping',
    type: 'boolean',
    default: false,
    description: 'username and password are already percent-encoded for connection_url.',
  },
] as const satisfies readonly SettingField[];

export type ConnectionFieldName = (typeof CONNECTION_FIELDS)[number]['name'];

/** What psycopg3 and psycopg2 call two of the fields. They are stored by our names. */
export const FIELD_ALIASES: ReadonlyMap<string, ConnectionFieldName> = new Map([
  ['load_balance_hosts', 'load_balance'],
  ['failed_host_ttl_seconds', 'failed_host_reconnect_delay_secs'],
]);

const BY_NAME: ReadonlyMap<string, SettingField> = new Map(CONNECTION_FIELDS.map((field) => [field.name, field]));

export function findConnectionField(name: string): SettingField | undefined {
  return BY_NAME.get(name);
}
