/**
 * The relational schema, the same for both engines, as forward migrations: each runs once, in order, and is never edited
 * after a release. Only the common subset of SQLite and YSQL is used: TEXT, BIGINT, and bytes as `BYTEA` (SQLite gives such a
 * column no affinity, which keeps bytes as bytes). Range indexes say ASC because YSQL hashes the first column by default.
 * TEXT sorts by its bytes: SQLite does so anyway, and PostgreSQL's columns are made with the collation "C". What begins
 * with a prefix is therefore a range.
 *
 * A migration only adds: while nodes are upgraded one after the other, those of the version before work on its schema. It
 * makes tables, indexes, and columns that rows of the version before need not name; what is no longer used is dropped by a
 * later version, once {@link COMPATIBLE_FROM} can leave those behind that used it
 * (docs/decisions/0024-rolling-upgrades.md; migrations.test.ts holds it).
 *
 * Every statement may be repeated (`IF NOT EXISTS`): YugabyteDB commits each DDL on its own, so a start that was killed
 * half-way through a migration does it again.
 *
 * Times are milliseconds since 1970 by the store's user; `value` columns hold what the barrier sealed.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE IF NOT EXISTS mounts (
       path TEXT PRIMARY KEY,
       accessor TEXT NOT NULL,
       value BYTEA NOT NULL
     )`,
    `CREATE TABLE IF NOT EXISTS entries (
       mount TEXT NOT NULL,
       name TEXT NOT NULL,
       value BYTEA NOT NULL,
       PRIMARY KEY (mount, name)
     )`,
    `CREATE TABLE IF NOT EXISTS policies (
       name TEXT PRIMARY KEY,
       value BYTEA NOT NULL
     )`,
    `CREATE TABLE IF NOT EXISTS tokens (
       id TEXT PRIMARY KEY,
       accessor TEXT NOT NULL,
       parent TEXT NOT NULL,
       expire_time BIGINT,
       uses_left BIGINT NOT NULL,
       value BYTEA NOT NULL
     )`,
    'CREATE UNIQUE INDEX IF NOT EXISTS tokens_accessor ON tokens (accessor ASC)',
    'CREATE INDEX IF NOT EXISTS tokens_parent ON tokens (parent ASC)',
    'CREATE INDEX IF NOT EXISTS tokens_expire_time ON tokens (expire_time ASC)',
    'CREATE INDEX IF NOT EXISTS tokens_spent ON tokens (uses_left ASC) WHERE uses_left < 0',
    // Leases are listed and revoked by the beginning of their id, and YSQL hashes a primary key: hence there is none.
    `CREATE TABLE IF NOT EXISTS leases (
       id TEXT NOT NULL,
       token TEXT NOT NULL,
       state TEXT NOT NULL,
       issue_time BIGINT NOT NULL,
       expire_time BIGINT NOT NULL,
       last_renewal BIGINT,
       claimed_until BIGINT NOT NULL,
       next_attempt BIGINT NOT NULL,
       attempts BIGINT NOT NULL,
       last_error TEXT,
       value BYTEA NOT NULL
     )`,
    'CREATE UNIQUE INDEX IF NOT EXISTS leases_id ON leases (id ASC)',
    'CREATE INDEX IF NOT EXISTS leases_next_attempt ON leases (next_attempt ASC)',
    'CREATE INDEX IF NOT EXISTS leases_token ON leases (token ASC)',
  ],
  [
    // The seal's configuration, the root key sealed under the unseal key, the keyring sealed under the root key.
    `CREATE TABLE IF NOT EXISTS keyring (
       name TEXT PRIMARY KEY,
       version BIGINT NOT NULL,
       value BYTEA NOT NULL
     )`,
  ],
  [
    `CREATE TABLE IF NOT EXISTS intents (
       mount TEXT NOT NULL,
       subject TEXT NOT NULL,
       login TEXT NOT NULL,
       state TEXT NOT NULL,
       claim TEXT NOT NULL,
       claimed_until BIGINT NOT NULL,
       next_attempt BIGINT,
       attempts BIGINT NOT NULL,
       last_error TEXT,
       value BYTEA NOT NULL,
       PRIMARY KEY (mount, subject)
     )`,
    'CREATE UNIQUE INDEX IF NOT EXISTS intents_login ON intents (mount ASC, login ASC)',
    'CREATE INDEX IF NOT EXISTS intents_next_attempt ON intents (mount ASC, next_attempt ASC)',
  ],
  [
    // The id of a token's lease: NULL until it has been given one, '' for a token that has none.
    'ALTER TABLE tokens ADD COLUMN IF NOT EXISTS lease TEXT',
    'CREATE INDEX IF NOT EXISTS tokens_lease ON tokens (lease ASC, id ASC)',
    'CREATE INDEX IF NOT EXISTS leases_irrevocable ON leases (expire_time ASC, id ASC) WHERE attempts >= 6',
  ],
  [
    // How many changes of the configuration there were, and what each of them changed: nodes keep what they have read, and drop
    // what is here.
    `CREATE TABLE IF NOT EXISTS epoch (
       name TEXT PRIMARY KEY,
       epoch BIGINT NOT NULL
     )`,
    "INSERT INTO epoch (name, epoch) VALUES ('store', 0) ON CONFLICT (name) DO NOTHING",
    `CREATE TABLE IF NOT EXISTS changes (
       epoch BIGINT NOT NULL,
       node TEXT NOT NULL,
       what TEXT NOT NULL
     )`,
    'CREATE UNIQUE INDEX IF NOT EXISTS changes_epoch ON changes (epoch ASC)',
    // A row for each process that works on the store. Times are by the store's clock.
    `CREATE TABLE IF NOT EXISTS nodes (
       id TEXT PRIMARY KEY,
       address TEXT NOT NULL,
       hostname TEXT NOT NULL DEFAULT '',
       version TEXT NOT NULL,
       state TEXT NOT NULL,
       started BIGINT NOT NULL,
       heartbeat BIGINT NOT NULL,
       epoch BIGINT NOT NULL
     )`,
    // Who is at the row; '' for nobody.
    "ALTER TABLE leases ADD COLUMN IF NOT EXISTS claim TEXT NOT NULL DEFAULT ''",
    // For the claims of a node that is dead: few rows at a time are claimed.
    "CREATE INDEX IF NOT EXISTS leases_claim ON leases (claim ASC) WHERE claim <> ''",
    "CREATE INDEX IF NOT EXISTS intents_claim ON intents (claim ASC) WHERE claim <> ''",
    // 1 from the moment the mount is being disabled.
    'ALTER TABLE mounts ADD COLUMN IF NOT EXISTS tainted BIGINT NOT NULL DEFAULT 0',
    // See buckets.ts. A node of an older version beside us reads more without the indexes that go, and writes bucket 0.
    'ALTER TABLE leases ADD COLUMN IF NOT EXISTS bucket BIGINT NOT NULL DEFAULT 0',
    'ALTER TABLE tokens ADD COLUMN IF NOT EXISTS bucket BIGINT NOT NULL DEFAULT 0',
    'CREATE INDEX IF NOT EXISTS leases_due ON leases (bucket ASC, next_attempt ASC)',
    'CREATE INDEX IF NOT EXISTS leases_given_up ON leases (bucket ASC, expire_time ASC, id ASC) WHERE attempts >= 6',
    'CREATE INDEX IF NOT EXISTS tokens_due ON tokens (bucket ASC, expire_time ASC)',
    'DROP INDEX IF EXISTS leases_next_attempt',
    'DROP INDEX IF EXISTS leases_irrevocable',
    'DROP INDEX IF EXISTS tokens_expire_time',
    // The oldest schema whose Coffer may work on this one; NULL for none but its own.
    'ALTER TABLE migrations ADD COLUMN IF NOT EXISTS compatible_from BIGINT',
  ],
  [
    // Who somebody is, whatever they log in with. Columns only find a row: what counts is in its sealed value. Names are folded.
    `CREATE TABLE IF NOT EXISTS identity_entities (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL,
       disabled BIGINT NOT NULL,
       value BYTEA NOT NULL
     )`,
    'CREATE UNIQUE INDEX IF NOT EXISTS identity_entities_name ON identity_entities (name ASC)',
    `CREATE TABLE IF NOT EXISTS identity_groups (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL,
       value BYTEA NOT NULL
     )`,
    'CREATE UNIQUE INDEX IF NOT EXISTS identity_groups_name ON identity_groups (name ASC)',
    // `kind` is that of whom it stands for: entity or group.
    `CREATE TABLE IF NOT EXISTS identity_aliases (
       id TEXT PRIMARY KEY,
       kind TEXT NOT NULL,
       mount_accessor TEXT NOT NULL,
       name TEXT NOT NULL,
       canonical_id TEXT NOT NULL,
       value BYTEA NOT NULL
     )`,
    'CREATE UNIQUE INDEX IF NOT EXISTS identity_aliases_factors ON identity_aliases (mount_accessor ASC, kind ASC, name ASC)',
    'CREATE UNIQUE INDEX IF NOT EXISTS identity_aliases_canonical ON identity_aliases (canonical_id ASC, mount_accessor ASC)',
    `CREATE TABLE IF NOT EXISTS identity_members (
       group_id TEXT NOT NULL,
       member_id TEXT NOT NULL,
       kind TEXT NOT NULL,
       value BYTEA NOT NULL,
       PRIMARY KEY (group_id, member_id)
     )`,
    'CREATE INDEX IF NOT EXISTS identity_members_member ON identity_members (member_id ASC)',
    // As its sealed value says as well: a node of the version before, which renews a token, seals it without.
    "ALTER TABLE tokens ADD COLUMN IF NOT EXISTS entity TEXT NOT NULL DEFAULT ''",
  ],
];

/** The number of migrations that this version knows. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * The number of migrations that a Coffer must know to work on this schema: rows of one that knows fewer would lack something,
 * or it uses what is no longer there. Before 5, nodes did not hear of each other's changes.
 */
export const COMPATIBLE_FROM = 5;

/** Reads the newest migration of a store. {@link appliedMigrations} takes its rows. */
export const READ_MIGRATIONS = 'SELECT * FROM migrations ORDER BY version DESC LIMIT 1';

/**
 * How many migrations a store has had.
 *
 * @throws Error saying what to do, when it has some that this version does not know and cannot work with
 */
export function appliedMigrations(
  place: string,
  newest: Readonly<Record<string, unknown>> | undefined,
  known = MIGRATIONS.length,
): number {
  const version = Number(newest?.['version'] ?? 0);
  if (version <= known || Number(newest?.['compatible_from'] ?? version) <= known) return version;
  throw new Error(
    `the store at ${place} was written by a newer Coffer (schema ${version}, this one knows ${known}): ` +
      'start the newer version',
  );
}

/**
 * The statements of a migration, the one that notes it included. 1 is the first.
 */
export function statementsOf(version: number): readonly string[] {
  const statements = [...(MIGRATIONS[version - 1] ?? []), `INSERT INTO migrations (version) VALUES (${version})`];
  // The versions before the column have it after the last migration as well.
  if (version < MIGRATIONS.length) return statements;
  return [...statements, `UPDATE migrations SET compatible_from = ${COMPATIBLE_FROM} WHERE version = ${version}`];
}
