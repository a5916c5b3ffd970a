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

const MOUNT = ['mount_point'] as const;
const CONNECTION = ['mount_point', 'connection'] as const;
const ROLE = ['mount_point', 'connection', 'role'] as const;

const REQUESTS = {
  'vault.core.handle_request': { kind: 'summary', labels: [], help: 'Time to serve a request other than a login.' },
  'vault.core.handle_login_request': { kind: 'summary', labels: [], help: 'Time to serve a login.' },
  'vault.core.check_token': {
    kind: 'summary',
    labels: [],
    help: 'Time to check a token, once found, and its policies.',
  },
  'vault.core.fetch_acl_and_token': { kind: 'summary', labels: [], help: 'Time to look up a token.' },
  'vault.core.in_flight_requests': { kind: 'gauge', labels: [], help: 'Requests being served.' },
  'vault.core.unsealed': { kind: 'gauge', labels: [], help: '1 while unsealed, otherwise 0.' },
  'vault.core.active': { kind: 'gauge', labels: [], help: '1 while this node serves requests; there are no standbys.' },
  'vault.core.mount_table.num_entries': {
    kind: 'gauge',
    labels: ['type', 'local'],
    help: 'Mounts: secrets engines (type "logical") and auth methods (type "auth").',
  },
  'vault.core.locked_users': {
    kind: 'gauge',
    labels: [],
    help: 'Users locked out now, over all auth methods and nodes.',
  },
  'vault.route.create': { kind: 'summary', labels: MOUNT, help: 'Time to create, in the engine or auth method.' },
  'vault.route.read': { kind: 'summary', labels: MOUNT, help: 'Time to read, in the engine or auth method.' },
  'vault.route.update': { kind: 'summary', labels: MOUNT, help: 'Time to update, in the engine or auth method.' },
  'vault.route.delete': { kind: 'summary', labels: MOUNT, help: 'Time to delete, in the engine or auth method.' },
  'vault.route.list': { kind: 'summary', labels: MOUNT, help: 'Time to list, in the engine or auth method.' },
  'coffer.requests.failed.total': {
    kind: 'counter',
    labels: ['mount_point', 'operation', 'class'],
    help: 'Requests that failed, by class of error.',
  },
  'vault.quota.rate_limit.violation': { kind: 'counter', labels: ['name'], help: 'Requests that a quota refused.' },
} as const satisfies Record<string, MetricDeclaration>;

const LEASES = {
  'vault.expire.num_leases': {
    kind: 'gauge',
    labels: [],
    help: 'Leases in the store, over all nodes, without those of tokens.',
  },
  'vault.expire.num_irrevocable_leases': {
    kind: 'gauge',
    labels: [],
    help: 'Leases whose revocation has failed six times or more. Coffer keeps trying.',
  },
  'vault.expire.register': { kind: 'summary', labels: [], help: 'Time to store a new lease.' },
  'vault.expire.renew': { kind: 'summary', labels: [], help: 'Time to renew a lease.' },
  'vault.expire.renew-token': { kind: 'summary', labels: [], help: 'Time to renew a token.' },
  'vault.expire.revoke': { kind: 'summary', labels: [], help: 'Time of each attempt to revoke a lease.' },
  'vault.expire.revoke-prefix': { kind: 'summary', labels: [], help: 'Time to revoke everything below a prefix.' },
  'vault.expire.revoke-force': { kind: 'summary', labels: [], help: 'The same with force.' },
  'vault.expire.lease_expiration': { kind: 'counter', labels: [], help: 'Attempts to revoke an expired lease.' },
  'vault.expire.lease_expiration.error': { kind: 'counter', labels: [], help: 'Those that failed.' },
  'vault.expire.lease_expiration.time_in_queue': {
    kind: 'summary',
    labels: [],
    help: 'Time from the expiration of a lease to the start of its revocation.',
  },
  'vault.secret.lease.creation': {
    kind: 'counter',
    labels: ['secret_engine', 'mount_point', 'creation_ttl'],
    help: 'Leases issued, by TTL, rounded up to one of a few.',
  },
  'coffer.leases': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'Leases in the store, over all nodes, without those of tokens.',
  },
  'coffer.revocations.owed': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'Leases that should be gone and are not: their revocation is late or has failed, or sessions may still be open.',
  },
  'coffer.revocations.owed.oldest.seconds': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'How long the oldest of them has been owed, as far as this node knows.',
  },
} as const satisfies Record<string, MetricDeclaration>;

const TOKENS = {
  'vault.token.create': { kind: 'summary', labels: [], help: 'Time to store a new token.' },
  'vault.token.lookup': { kind: 'summary', labels: [], help: 'Time to look up a token at the request of a client.' },
  'vault.token.revoke': { kind: 'summary', labels: [], help: 'Time to revoke a token.' },
  'vault.token.creation': {
    kind: 'counter',
    labels: ['auth_method', 'mount_point', 'creation_ttl', 'token_type'],
    help: 'Tokens created, by TTL, rounded up to one of a few.',
  },
  'vault.token.count': { kind: 'gauge', labels: [], help: 'Service tokens in the store, over all nodes.' },
  'vault.token.count.by_policy': { kind: 'gauge', labels: ['policy'], help: 'The same by policy.' },
  'vault.token.count.by_auth': { kind: 'gauge', labels: ['auth_method'], help: 'The same by auth method.' },
  'vault.token.count.by_ttl': { kind: 'gauge', labels: ['creation_ttl'], help: 'The same by TTL, rounded up.' },
} as const satisfies Record<string, MetricDeclaration>;

const DATABASES = {
  'vault.database.Initialize': { kind: 'summary', labels: CONNECTION, help: 'Time to open a database.' },
  'vault.database.NewUser': { kind: 'summary', labels: CONNECTION, help: 'Time to create a login.' },
  'vault.database.UpdateUser': { kind: 'summary', labels: CONNECTION, help: 'Time to change a login.' },
  'vault.database.DeleteUser': { kind: 'summary', labels: CONNECTION, help: 'Time to drop a login.' },
  'vault.database.Close': { kind: 'summary', labels: CONNECTION, help: 'Time to close a database.' },
  'vault.database.Initialize.error': { kind: 'counter', labels: CONNECTION, help: 'Failures to open a database.' },
  'vault.database.NewUser.error': { kind: 'counter', labels: CONNECTION, help: 'Failures to create a login.' },
  'vault.database.UpdateUser.error': { kind: 'counter', labels: CONNECTION, help: 'Failures to change a login.' },
  'vault.database.DeleteUser.error': { kind: 'counter', labels: CONNECTION, help: 'Failures to drop a login.' },
  'vault.database.Close.error': { kind: 'counter', labels: CONNECTION, help: 'Failures to close a database.' },
  'coffer.database.issued.total': { kind: 'counter', labels: ROLE, help: 'Credentials issued.' },
  'coffer.database.renewed.total': { kind: 'counter', labels: ROLE, help: 'Credentials renewed.' },
  'coffer.database.revoked.total': { kind: 'counter', labels: ROLE, help: 'Credentials revoked.' },
  'coffer.database.rotated.total': {
    kind: 'counter',
    labels: ROLE,
    help: "Passwords rotated: of static roles and, with an empty role, of a connection's own user.",
  },
  'coffer.database.failed.total': {
    kind: 'counter',
    labels: [...ROLE, 'operation', 'class'],
    help: 'Failures of the operations issue, renew, revoke and rotate, by class of error.',
  },
  'coffer.database.retries.total': {
    kind: 'counter',
    labels: [...CONNECTION, 'sqlstate'],
    help: 'Retries, by SQLSTATE, or "connection" if nobody answered.',
  },
  'coffer.database.roundtrip.seconds': {
    kind: 'histogram',
    labels: CONNECTION,
    help: 'Time of a request to the database.',
  },
  'coffer.database.queue.seconds': {
    kind: 'histogram',
    labels: [...CONNECTION, 'queue'],
    help: 'Time spent waiting for a connection (queue "pool") or for the turn of a DDL statement ("ddl").',
  },
  'coffer.database.pool.connections': {
    kind: 'gauge',
    labels: [...CONNECTION, 'state'],
    help: 'Connections that are "busy" or "idle", and callers "waiting" for one.',
  },
  'coffer.database.nodes': {
    kind: 'gauge',
    labels: [...CONNECTION, 'state'],
    help: 'Nodes of the cluster as this server sees them: "up", or "set_aside" after a failure.',
  },
  'coffer.database.sessions.owed': {
    kind: 'gauge',
    labels: CONNECTION,
    help: 'Logins that are dropped but may still have open sessions.',
  },
  'coffer.plugin.starts.total': { kind: 'counter', labels: ['plugin'], help: 'Plugin processes started.' },
  'coffer.plugin.exits.total': { kind: 'counter', labels: ['plugin'], help: 'Plugin processes that have ended.' },
  'coffer.static_roles': { kind: 'gauge', labels: MOUNT, help: 'Static roles that are rotated on a schedule.' },
  'coffer.static_roles.overdue': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'Rotations that are more than a minute late, or have failed.',
  },
  'coffer.intents.open': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'Password changes that were started and whose outcome is not known yet.',
  },
} as const satisfies Record<string, MetricDeclaration>;

const STORE = {
  'vault.barrier.get': { kind: 'summary', labels: [], help: 'Time to read an entry.' },
  'vault.barrier.put': { kind: 'summary', labels: [], help: 'Time to write an entry.' },
  'vault.barrier.delete': { kind: 'summary', labels: [], help: 'Time to delete an entry.' },
  'vault.barrier.list': { kind: 'summary', labels: [], help: 'Time to list entries.' },
  'coffer.store.seconds': {
    kind: 'histogram',
    labels: ['operation'],
    help: 'Time of a call to the store: "read", "write", or a "transaction" of several statements.',
  },
  'coffer.store.failed.total': {
    kind: 'counter',
    labels: ['operation', 'class'],
    help: 'Calls to the store that failed.',
  },
  'coffer.store.retries.total': {
    kind: 'counter',
    labels: ['sqlstate'],
    help: 'Retries, by SQLSTATE, or "connection" if nobody answered. Storage "yugabytedb" only.',
  },
  'coffer.store.queue.seconds': { kind: 'histogram', labels: [], help: 'Time waiting for a connection to the store.' },
  'coffer.store.pool.connections': {
    kind: 'gauge',
    labels: ['state'],
    help: 'Connections to the store that are "busy" or "idle", and callers "waiting" for one.',
  },
  'coffer.store.nodes': {
    kind: 'gauge',
    labels: ['state'],
    help: "Nodes of the store's cluster as this server sees them.",
  },
} as const satisfies Record<string, MetricDeclaration>;

const AUDIT = {
  'vault.audit.log_request': { kind: 'summary', labels: [], help: 'Time to log a request on all devices.' },
  'vault.audit.log_response': { kind: 'summary', labels: [], help: 'Time to log an answer on all devices.' },
  'vault.audit.log_request_failure': { kind: 'counter', labels: [], help: 'Requests whose line no device took.' },
  'vault.audit.log_response_failure': { kind: 'counter', labels: [], help: 'Answers whose line no device took.' },
  'coffer.audit.device.failures.total': {
    kind: 'counter',
    labels: ['device'],
    help: 'Lines that a device did not take, even if another one did.',
  },
} as const satisfies Record<string, MetricDeclaration>;

const PROCESS = {
  'vault.runtime.alloc_bytes': { kind: 'gauge', labels: [], help: 'Bytes of the heap in use.' },
  'vault.runtime.sys_bytes': { kind: 'gauge', labels: [], help: 'Bytes that the process has from the system.' },
  'vault.runtime.total_gc_runs': { kind: 'gauge', labels: [], help: 'Garbage collections since the start.' },
  'vault.runtime.total_gc_pause_ns': { kind: 'gauge', labels: [], help: 'Nanoseconds that these took in total.' },
  'vault.runtime.gc_pause_ns': { kind: 'gauge', labels: [], help: 'Nanoseconds that the last of these took.' },
  'coffer.event_loop.lag.seconds': {
    kind: 'gauge',
    labels: ['quantile'],
    help: 'Delay of the event loop since the last time it was asked for: median ("0.5"), "0.99", and longest ("1").',
  },
  'coffer.build.info': { kind: 'gauge', labels: ['version'], help: 'Always 1: its label is the version.' },
  'coffer.usage.age.seconds': {
    kind: 'gauge',
    labels: [],
    help: 'How long ago leases, static roles and intents were last counted.',
  },
  'coffer.usage.errors.total': { kind: 'counter', labels: [], help: 'Failures to count the contents of the store.' },
  'coffer.metrics.series_refused.total': {
    kind: 'counter',
    labels: ['metric'],
    help: 'Events counted under "other" because the metric had too many series.',
  },
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
