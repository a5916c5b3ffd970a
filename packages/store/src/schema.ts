/**
 * The relational schema, the same for both engines, as forward migrations: each runs once, in order, and is never edited
 * after a release. Only the common subset of SQLite and YSQL: TEXT, BIGINT, BYTEA/BLOB as `BYTEA` (SQLite gives the
 * column no affinity, which keeps bytes as bytes), range indexes say ASC because YSQL hashes the first column by default.
 *
 * Times are milliseconds since 1970 by the store's user; `value` columns hold what the barrier sealed.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE mounts (
       path TEXT PRIMARY KEY,
       accessor TEXT NOT NULL,
       value BYTEA NOT NULL
     )`,
    `CREATE TABLE entries (
       mount TEXT NOT NULL,
       name TEXT NOT NULL,
       value BYTEA NOT NULL,
       PRIMARY KEY (mount, name)
     )`,
    `CREATE TABLE policies (
       name TEXT PRIMARY KEY,
       value BYTEA NOT NULL
     )`,
    `CREATE TABLE tokens (
       id TEXT PRIMARY KEY,
       accessor TEXT NOT NULL,
       parent TEXT NOT NULL,
       expire_time BIGINT,
       uses_left BIGINT NOT NULL,
       value BYTEA NOT NULL
     )`,
    'CREATE UNIQUE INDEX tokens_accessor ON tokens (accessor ASC)',
    'CREATE INDEX tokens_parent ON tokens (parent ASC)',
    'CREATE INDEX tokens_expire_time ON tokens (expire_time ASC)',
    `CREATE TABLE leases (
       id TEXT PRIMARY KEY,
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
    'CREATE INDEX leases_next_attempt ON leases (next_attempt ASC)',
    'CREATE INDEX leases_token ON leases (token ASC)',
  ],
  [
    `CREATE TABLE intents (
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
    'CREATE UNIQUE INDEX intents_login ON intents (mount ASC, login ASC)',
    'CREATE INDEX intents_next_attempt ON intents (next_attempt ASC)',
  ],
];
