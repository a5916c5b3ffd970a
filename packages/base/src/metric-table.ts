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
  'vault.core.handle_request': { kind: 'summary', labels: [], help: 'Requests, but for logins.' },
  'vault.core.handle_login_request': { kind: 'summary', labels: [], help: 'Logins.' },
  'vault.core.check_token': { kind: 'summary', labels: [], help: 'Looking up a token and asking its policies.' },
  'vault.core.fetch_acl_and_token': { kind: 'summary', labels: [], help: 'Looking up a token.' },
  'vault.core.in_flight_requests': { kind: 'gauge', labels: [], help: 'Requests under way.' },
  'vault.core.unsealed': { kind: 'gauge', labels: [], help: '1 while the seal is open, otherwise 0.' },
  'vault.core.active': { kind: 'gauge', labels: [], help: '1 while this node serves requests; there are no standbys.' },
  'vault.core.mount_table.num_entries': {
    kind: 'gauge',
    labels: ['type', 'local'],
    help: 'Mounts: of type "logical" the secrets engines, of type "auth" the auth methods.',
  },
  'vault.core.locked_users': {
    kind: 'gauge',
    labels: [],
    help: 'Users locked out now, of all auth methods and nodes.',
  },
  'vault.route.create': {
    kind: 'summary',
    labels: MOUNT,
    help: 'What the engine or method of a mount took to create.',
  },
  'vault.route.read': { kind: 'summary', labels: MOUNT, help: 'What the engine or method of a mount took to read.' },
  'vault.route.update': {
    kind: 'summary',
    labels: MOUNT,
    help: 'What the engine or method of a mount took to update.',
  },
  'vault.route.delete': {
    kind: 'summary',
    labels: MOUNT,
    help: 'What the engine or method of a mount took to delete.',
  },
  'vault.route.list': { kind: 'summary', labels: MOUNT, help: 'What the engine or method of a mount took to list.' },
  'coffer.requests.failed.total': {
    kind: 'counter',
    labels: ['mount_point', 'operation', 'class'],
    help: 'Requests that failed, by the class of the error.',
  },
  'vault.quota.rate_limit.violation': { kind: 'counter', labels: ['name'], help: 'Requests that a quota refused.' },
} as const satisfies Record<string, MetricDeclaration>;

const LEASES = {
  'vault.expire.num_leases': { kind: 'gauge', labels: [], help: 'Leases in the store, of all nodes, but for tokens.' },
  'vault.expire.num_irrevocable_leases': {
    kind: 'gauge',
    labels: [],
    help: 'Leases whose revocation has failed six times or more. It is tried again all the same.',
  },
  'vault.expire.register': { kind: 'summary', labels: [], help: 'Writing down a lease that is about to be.' },
  'vault.expire.renew': { kind: 'summary', labels: [], help: 'Renewals of leases.' },
  'vault.expire.renew-token': { kind: 'summary', labels: [], help: 'Renewals of tokens.' },
  'vault.expire.revoke': { kind: 'summary', labels: [], help: 'Revocations, each time they are tried.' },
  'vault.expire.revoke-prefix': { kind: 'summary', labels: [], help: 'Revocations of all below a prefix.' },
  'vault.expire.revoke-force': { kind: 'summary', labels: [], help: 'The same by force.' },
  'vault.expire.lease_expiration': { kind: 'counter', labels: [], help: 'Leases whose time had come, each time.' },
  'vault.expire.lease_expiration.error': { kind: 'counter', labels: [], help: 'Those that could not be revoked.' },
  'vault.expire.lease_expiration.time_in_queue': {
    kind: 'summary',
    labels: [],
    help: 'How long after its time a lease is begun to be revoked.',
  },
  'vault.secret.lease.creation': {
    kind: 'counter',
    labels: ['secret_engine', 'mount_point', 'creation_ttl'],
    help: 'Leases issued, by the next longer of a few TTLs.',
  },
  'coffer.leases': { kind: 'gauge', labels: MOUNT, help: 'Leases in the store, of all nodes, but for tokens.' },
  'coffer.revocations.owed': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'Leases that should be over and are not: their revocation is under way, has failed, or sessions may go on.',
  },
  'coffer.revocations.owed.oldest.seconds': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'For how long the oldest of them has been owed, as far as this node has seen.',
  },
} as const satisfies Record<string, MetricDeclaration>;

const TOKENS = {
  'vault.token.create': { kind: 'summary', labels: [], help: 'Writing down a token.' },
  'vault.token.lookup': { kind: 'summary', labels: [], help: 'Looking up a token that somebody asks about.' },
  'vault.token.revoke': { kind: 'summary', labels: [], help: 'Revoking a token.' },
  'vault.token.creation': {
    kind: 'counter',
    labels: ['auth_method', 'mount_point', 'creation_ttl', 'token_type'],
    help: 'Tokens made, by the next longer of a few TTLs.',
  },
  'vault.token.count': { kind: 'gauge', labels: [], help: 'Service tokens in the store, of all nodes.' },
  'vault.token.count.by_policy': { kind: 'gauge', labels: ['policy'], help: 'The same by policy.' },
  'vault.token.count.by_auth': { kind: 'gauge', labels: ['auth_method'], help: 'The same by auth method.' },
  'vault.token.count.by_ttl': { kind: 'gauge', labels: ['creation_ttl'], help: 'The same by the next longer TTL.' },
} as const satisfies Record<string, MetricDeclaration>;

const DATABASES = {
  'vault.database.Initialize': { kind: 'summary', labels: CONNECTION, help: 'A database was opened by its plugin.' },
  'vault.database.NewUser': { kind: 'summary', labels: CONNECTION, help: 'A plugin made a login.' },
  'vault.database.UpdateUser': { kind: 'summary', labels: CONNECTION, help: 'A plugin changed a login.' },
  'vault.database.DeleteUser': { kind: 'summary', labels: CONNECTION, help: 'A plugin ended a login.' },
  'vault.database.Close': { kind: 'summary', labels: CONNECTION, help: 'A database was closed by its plugin.' },
  'vault.database.Initialize.error': { kind: 'counter', labels: CONNECTION, help: 'A database did not open.' },
  'vault.database.NewUser.error': { kind: 'counter', labels: CONNECTION, help: 'A login was not made.' },
  'vault.database.UpdateUser.error': { kind: 'counter', labels: CONNECTION, help: 'A login was not changed.' },
  'vault.database.DeleteUser.error': { kind: 'counter', labels: CONNECTION, help: 'A login was not ended.' },
  'vault.database.Close.error': { kind: 'counter', labels: CONNECTION, help: 'A database did not close.' },
  'coffer.database.issued.total': { kind: 'counter', labels: ROLE, help: 'Credentials issued.' },
  'coffer.database.renewed.total': { kind: 'counter', labels: ROLE, help: 'Credentials renewed.' },
  'coffer.database.revoked.total': { kind: 'counter', labels: ROLE, help: 'Credentials that are over.' },
  'coffer.database.rotated.total': {
    kind: 'counter',
    labels: ROLE,
    help: "Passwords rotated: of static roles, and of a connection's own user, where the role is empty.",
  },
  'coffer.database.failed.total': {
    kind: 'counter',
    labels: [...ROLE, 'operation', 'class'],
    help: 'What failed: operation issue, renew, revoke or rotate, by the class of the error.',
  },
  'coffer.database.retries.total': {
    kind: 'counter',
    labels: [...CONNECTION, 'sqlstate'],
    help: 'What was tried again, by SQLSTATE, or "connection" where there was nobody to answer.',
  },
  'coffer.database.roundtrip.seconds': { kind: 'histogram', labels: CONNECTION, help: 'One request to the database.' },
  'coffer.database.queue.seconds': {
    kind: 'histogram',
    labels: [...CONNECTION, 'queue'],
    help: 'The wait for a connection (queue "pool") and for the turn of a DDL statement ("ddl").',
  },
  'coffer.database.pool.connections': {
    kind: 'gauge',
    labels: [...CONNECTION, 'state'],
    help: 'Connections that are "busy" or "idle", and who is "waiting" for one.',
  },
  'coffer.database.nodes': {
    kind: 'gauge',
    labels: [...CONNECTION, 'state'],
    help: 'Nodes of the cluster as this server sees them: "up", or "set_aside" since they failed.',
  },
  'coffer.database.sessions.owed': {
    kind: 'gauge',
    labels: CONNECTION,
    help: 'Logins that are gone while sessions of theirs may go on.',
  },
  'coffer.plugin.starts.total': {
    kind: 'counter',
    labels: ['plugin'],
    help: 'Processes of plugins that were started.',
  },
  'coffer.plugin.exits.total': { kind: 'counter', labels: ['plugin'], help: 'Processes of plugins that have ended.' },
  'coffer.static_roles': { kind: 'gauge', labels: MOUNT, help: 'Static roles that are to be rotated.' },
  'coffer.static_roles.overdue': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'Rotations whose time came more than a minute ago.',
  },
  'coffer.intents.open': {
    kind: 'gauge',
    labels: MOUNT,
    help: 'Changes of passwords that were begun and are not known to have ended.',
  },
} as const satisfies Record<string, MetricDeclaration>;

const STORE = {
  'vault.barrier.get': { kind: 'summary', labels: [], help: 'Reading an entry.' },
  'vault.barrier.put': { kind: 'summary', labels: [], help: 'Writing an entry.' },
  'vault.barrier.delete': { kind: 'summary', labels: [], help: 'Deleting an entry.' },
  'vault.barrier.list': { kind: 'summary', labels: [], help: 'Listing entries.' },
  'coffer.store.seconds': {
    kind: 'histogram',
    labels: ['operation'],
    help: 'A call of the store: "read", "write", or a "transaction" of several statements.',
  },
  'coffer.store.failed.total': { kind: 'counter', labels: ['operation', 'class'], help: 'Calls that failed.' },
  'coffer.store.retries.total': {
    kind: 'counter',
    labels: ['sqlstate'],
    help: 'Calls that were tried again, by SQLSTATE, or "connection". Storage "yugabytedb" only.',
  },
  'coffer.store.queue.seconds': { kind: 'histogram', labels: [], help: 'The wait for a connection to the store.' },
  'coffer.store.pool.connections': {
    kind: 'gauge',
    labels: ['state'],
    help: 'Connections to the store that are "busy" or "idle", and who is "waiting" for one.',
  },
  'coffer.store.nodes': {
    kind: 'gauge',
    labels: ['state'],
    help: "Nodes of the store's cluster as this server sees them.",
  },
} as const satisfies Record<string, MetricDeclaration>;

const AUDIT = {
  'vault.audit.log_request': { kind: 'summary', labels: [], help: 'Handing the line of a request to all devices.' },
  'vault.audit.log_response': { kind: 'summary', labels: [], help: 'Handing the line of an answer to all devices.' },
  'vault.audit.log_request_failure': { kind: 'counter', labels: [], help: 'Requests that no device took.' },
  'vault.audit.log_response_failure': { kind: 'counter', labels: [], help: 'Answers that no device took.' },
  'coffer.audit.device.failures.total': {
    kind: 'counter',
    labels: ['device'],
    help: 'Lines that a device did not take, even where another one did.',
  },
} as const satisfies Record<string, MetricDeclaration>;

const PROCESS = {
  'vault.runtime.alloc_bytes': { kind: 'gauge', labels: [], help: 'Bytes of the heap in use.' },
  'vault.runtime.sys_bytes': { kind: 'gauge', labels: [], help: 'Bytes that the process has of the system.' },
  'vault.runtime.total_gc_runs': { kind: 'gauge', labels: [], help: 'Garbage collections since the start.' },
  'vault.runtime.total_gc_pause_ns': { kind: 'gauge', labels: [], help: 'Nanoseconds that they took in all.' },
  'vault.runtime.gc_pause_ns': { kind: 'gauge', labels: [], help: 'Nanoseconds that the last one took.' },
  'coffer.event_loop.lag.seconds': {
    kind: 'gauge',
    labels: ['quantile'],
    help: 'By how much the event loop was late, since somebody last looked: median ("0.5"), "0.99", and the longest ("1").',
  },
  'coffer.build.info': { kind: 'gauge', labels: ['version'], help: 'Always 1: its label is the version.' },
  'coffer.usage.age.seconds': {
    kind: 'gauge',
    labels: [],
    help: 'How long ago leases, tokens, static roles and intents were last counted.',
  },
  'coffer.usage.errors.total': { kind: 'counter', labels: [], help: 'Times that they could not be counted.' },
  'coffer.metrics.series_refused.total': {
    kind: 'counter',
    labels: ['metric'],
    help: 'Events counted under "other", since the metric had too many series.',
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
