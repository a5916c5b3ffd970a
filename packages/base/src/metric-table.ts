/**
 * Every metric that there is. What records, what is shown, docs/observability.md, the dashboard and the alert rules all go by this
 * table. Names are written with dots, as Vault's documentation has them; Prometheus sees underscores instead of dots and dashes.
 *
 * `vault.*` are Vault's, where Vault has the thing (hashicorp/vault:website/content/docs/internals/telemetry): durations are
 * summaries in milliseconds. `coffer.*` are ours: durations are histograms in seconds.
 */
export interface MetricDeclaration {
  readonly kind: 'counter' | 'gauge' | 'summary' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

type Labels = readonly string[];
const counter = <const L extends Labels>(labels: L, help: string) => ({ kind: 'counter', labels, help }) as const;
const gauge = <const L extends Labels>(labels: L, help: string) => ({ kind: 'gauge', labels, help }) as const;
const summary = <const L extends Labels>(labels: L, help: string) => ({ kind: 'summary', labels, help }) as const;
const histogram = <const L extends Labels>(labels: L, help: string) => ({ kind: 'histogram', labels, help }) as const;

const MOUNT = ['mount_point'] as const;
const CONNECTION = ['mount_point', 'connection'] as const;
const ROLE = ['mount_point', 'connection', 'role'] as const;

const REQUESTS = {
  'vault.core.handle_request': summary([], 'Time to handle a request, logins excluded.'),
  'vault.core.handle_login_request': summary([], 'Time to handle a login.'),
  'vault.core.check_token': summary([], 'Time to check the token of a request and its policies, once it is looked up.'),
  'vault.core.fetch_acl_and_token': summary([], 'Time to look up the token of a request.'),
  'vault.core.in_flight_requests': gauge([], 'Requests in flight.'),
  'vault.core.unsealed': gauge([], '1 while this node is unsealed, 0 while it is sealed.'),
  'vault.core.active': gauge([], '1 while this node serves requests, otherwise 0. There are no standbys.'),
  'vault.core.mount_table.num_entries': gauge(
    ['type', 'local'],
    'Mounts: secrets engines (type "logical") and auth methods (type "auth").',
  ),
  'vault.core.locked_users': gauge([], 'Users locked out now, across all auth methods and nodes.'),
  'vault.route.create': summary(MOUNT, 'Time that the engine or auth method took for a create request.'),
  'vault.route.read': summary(MOUNT, 'Time that the engine or auth method took for a read request.'),
  'vault.route.update': summary(MOUNT, 'Time that the engine or auth method took for an update request.'),
  'vault.route.delete': summary(MOUNT, 'Time that the engine or auth method took for a delete request.'),
  'vault.route.list': summary(MOUNT, 'Time that the engine or auth method took for a list request.'),
  'coffer.requests.failed.total': counter(['mount_point', 'operation', 'class'], 'Failed requests, by error class.'),
  'vault.quota.rate_limit.violation': counter(['name'], 'Requests refused by a rate limit quota.'),
} as const satisfies Record<string, MetricDeclaration>;

const LEASES = {
  'vault.expire.num_leases': gauge([], 'Leases in the store, across all nodes. Tokens are not included.'),
  'vault.expire.num_irrevocable_leases': gauge(
    [],
    'Leases whose revocation has failed at least six times. Coffer keeps retrying.',
  ),
  'vault.expire.register': summary([], 'Time to record a new lease, before its login is created.'),
  'vault.expire.renew': summary([], 'Time to renew a lease.'),
  'vault.expire.renew-token': summary([], 'Time to renew a token.'),
  'vault.expire.revoke': summary([], 'Time of one attempt to revoke a lease.'),
  'vault.expire.revoke-prefix': summary([], 'Time to revoke all leases under a prefix.'),
  'vault.expire.revoke-force': summary([], 'Time to force-revoke all leases under a prefix.'),
  'vault.expire.lease_expiration': counter([], 'Attempts to revoke an expired lease.'),
  'vault.expire.lease_expiration.error': counter([], 'Failed attempts to revoke an expired lease.'),
  'vault.expire.lease_expiration.time_in_queue': summary(
    [],
    'Time between the expiration of a lease and the start of its revocation.',
  ),
  'vault.secret.lease.creation': counter(
    ['secret_engine', 'mount_point', 'creation_ttl'],
    'Leases issued. The TTL is rounded up to the next bucket.',
  ),
  'coffer.leases': gauge(MOUNT, 'Leases in the store, across all nodes. Tokens are not included.'),
  'coffer.revocations.owed': gauge(
    MOUNT,
    'Leases that should be gone but are not: their revocation is in progress or has failed, or sessions of the user may still be open.',
  ),
  'coffer.revocations.owed.oldest.seconds': gauge(
    MOUNT,
    'How long the oldest owed revocation has been overdue, as far as this node has seen.',
  ),
} as const satisfies Record<string, MetricDeclaration>;

const TOKENS = {
  'vault.token.create': summary([], 'Time to create a token.'),
  'vault.token.lookup': summary([], 'Time to answer a token lookup.'),
  'vault.token.revoke': summary([], 'Time to revoke a token.'),
  'vault.token.creation': counter(
    ['auth_method', 'mount_point', 'creation_ttl', 'token_type'],
    'Tokens created. The TTL is rounded up to the next bucket.',
  ),
  'vault.token.count': gauge([], 'Service tokens in the store, across all nodes.'),
  'vault.token.count.by_policy': gauge(['policy'], 'Service tokens by policy.'),
  'vault.token.count.by_auth': gauge(['auth_method'], 'Service tokens by auth method.'),
  'vault.token.count.by_ttl': gauge(['creation_ttl'], 'Service tokens by TTL, rounded up to the next bucket.'),
} as const satisfies Record<string, MetricDeclaration>;

const DATABASES = {
  'vault.database.Initialize': summary(CONNECTION, 'Time for a plugin to open a database connection.'),
  'vault.database.NewUser': summary(CONNECTION, 'Time for a plugin to create a user.'),
  'vault.database.UpdateUser': summary(
    CONNECTION,
    'Time for a plugin to change a user: its password or its expiration.',
  ),
  'vault.database.DeleteUser': summary(CONNECTION, 'Time for a plugin to drop a user.'),
  'vault.database.Close': summary(CONNECTION, 'Time for a plugin to close a database connection.'),
  'vault.database.Initialize.error': counter(CONNECTION, 'Database connections that failed to open.'),
  'vault.database.NewUser.error': counter(CONNECTION, 'Users that could not be created.'),
  'vault.database.UpdateUser.error': counter(CONNECTION, 'Users that could not be changed.'),
  'vault.database.DeleteUser.error': counter(CONNECTION, 'Users that could not be dropped.'),
  'vault.database.Close.error': counter(CONNECTION, 'Database connections that failed to close.'),
  'coffer.database.issued.total': counter(ROLE, 'Credentials issued.'),
  'coffer.database.renewed.total': counter(ROLE, 'Credentials renewed.'),
  'coffer.database.revoked.total': counter(ROLE, 'Credentials revoked.'),
  'coffer.database.rotated.total': counter(
    ROLE,
    "Passwords rotated, of static roles and of a connection's own user (empty role).",
  ),
  'coffer.database.failed.total': counter(
    [...ROLE, 'operation', 'class'],
    'Failed operations (issue, renew, revoke or rotate), by error class.',
  ),
  'coffer.database.retries.total': counter(
    [...CONNECTION, 'sqlstate'],
    'Statements retried, by SQLSTATE, or "connection" if the database did not answer.',
  ),
  'coffer.database.roundtrip.seconds': histogram(CONNECTION, 'Round-trip time of one statement sent to the database.'),
  'coffer.database.queue.seconds': histogram(
    [...CONNECTION, 'queue'],
    'Time spent waiting for a connection (queue "pool") or for the turn of a DDL statement (queue "ddl").',
  ),
  'coffer.database.pool.connections': gauge(
    [...CONNECTION, 'state'],
    'Connections to the database ("busy" or "idle"), and callers "waiting" for one.',
  ),
  'coffer.database.nodes': gauge(
    [...CONNECTION, 'state'],
    'Nodes of the cluster as this server sees them: "up", or "set_aside" after a failure.',
  ),
  'coffer.database.sessions.owed': gauge(CONNECTION, 'Dropped users whose sessions may still be open.'),
  'coffer.plugin.starts.total': counter(['plugin'], 'Plugin processes started.'),
  'coffer.plugin.exits.total': counter(['plugin'], 'Plugin processes that have exited.'),
  'coffer.static_roles': gauge(MOUNT, 'Static roles with automatic rotation.'),
  'coffer.static_roles.overdue': gauge(MOUNT, 'Static roles whose rotation is more than a minute overdue.'),
  'coffer.intents.open': gauge(MOUNT, 'Password changes that were started and whose outcome is not known yet.'),
} as const satisfies Record<string, MetricDeclaration>;

const STORE = {
  'vault.barrier.get': summary([], 'Time to read an entry from the store.'),
  'vault.barrier.put': summary([], 'Time to write an entry to the store.'),
  'vault.barrier.delete': summary([], 'Time to delete an entry from the store.'),
  'vault.barrier.list': summary([], 'Time to list entries in the store.'),
  'coffer.store.seconds': histogram(
    ['operation'],
    'Time of one store operation: "read", "write", or a "transaction" of several statements.',
  ),
  'coffer.store.failed.total': counter(['operation', 'class'], 'Failed store operations, by error class.'),
  'coffer.store.retries.total': counter(
    ['sqlstate'],
    'Store operations retried, by SQLSTATE, or "connection". Only with storage "yugabytedb".',
  ),
  'coffer.store.queue.seconds': histogram([], 'Time spent waiting for a connection to the store.'),
  'coffer.store.pool.connections': gauge(
    ['state'],
    'Connections to the store ("busy" or "idle"), and callers "waiting" for one.',
  ),
  'coffer.store.nodes': gauge(
    ['state'],
    'Nodes of the cluster of the store as this server sees them: "up", or "set_aside" after a failure.',
  ),
} as const satisfies Record<string, MetricDeclaration>;

const AUDIT = {
  'vault.audit.log_request': summary([], 'Time to hand the audit line of a request to all devices.'),
  'vault.audit.log_response': summary([], 'Time to hand the audit line of a response to all devices.'),
  'vault.audit.log_request_failure': counter([], 'Requests that no audit device could log.'),
  'vault.audit.log_response_failure': counter([], 'Responses that no audit device could log.'),
  'coffer.audit.device.failures.total': counter(
    ['device'],
    'Lines that an audit device failed to log, even if another one logged them.',
  ),
} as const satisfies Record<string, MetricDeclaration>;

const PROCESS = {
  'vault.runtime.alloc_bytes': gauge([], 'Heap in use, in bytes.'),
  'vault.runtime.sys_bytes': gauge([], 'Memory that the process has from the operating system, in bytes.'),
  'vault.runtime.total_gc_runs': gauge([], 'Garbage collections since the start.'),
  'vault.runtime.total_gc_pause_ns': gauge(
    [],
    'Total time spent in garbage collection since the start, in nanoseconds.',
  ),
  'vault.runtime.gc_pause_ns': gauge([], 'Duration of the last garbage collection, in nanoseconds.'),
  'coffer.event_loop.lag.seconds': gauge(
    ['quantile'],
    'Event loop lag since the last scrape: median ("0.5"), 99th percentile ("0.99") and maximum ("1").',
  ),
  'coffer.build.info': gauge(['version'], 'Always 1. The label has the version.'),
  'coffer.usage.age.seconds': gauge([], 'Time since leases, static roles and intents were last counted.'),
  'coffer.usage.errors.total': counter([], 'Failed attempts to count the contents of the store.'),
  'coffer.metrics.series_refused.total': counter(
    ['metric'],
    'Events counted under "other" because the metric already had too many series.',
  ),
} as const satisfies Record<string, MetricDeclaration>;

export const METRICS = { ...REQUESTS, ...LEASES, ...TOKENS, ...DATABASES, ...STORE, ...AUDIT, ...PROCESS } as const;

/** As Prometheus sees it: `vault.expire.renew-token` is `vault_expire_renew_token`. */
export function prometheusName(name: string): string {
  return name.replaceAll(/[.-]/g, '_');
}

/** The next longer of the TTLs by which Vault groups (hashicorp/vault:helper/metricsutil/bucket.go). In seconds; 0 is for ever. */
export function ttlBucket(seconds: number): string {
  if (seconds <= 0) return '+Inf';
  for (const [name, longest] of TTL_BUCKETS) if (seconds <= longest) return name;
  return '+Inf';
}

const TTL_BUCKETS: readonly (readonly [string, number])[] = [
  ['1m', 60],
  ['10m', 600],
  ['20m', 1_200],
  ['1h', 3_600],
  ['2h', 7_200],
  ['1d', 86_400],
  ['2d', 172_800],
  ['7d', 604_800],
  ['30d', 2_592_000],
];
