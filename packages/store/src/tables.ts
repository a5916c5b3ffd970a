/**
 * What a copy of a store consists of: the tables that hold what people have put into it, with their columns in the order in which a
 * copy has them. Not in it is what belongs to the processes that work on a store: nodes, epochs, changes. tables.test.ts holds
 * this to the schema.
 */

export type ColumnType = 'text' | 'number' | 'bytes';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether it may hold NULL. */
  readonly nullable: boolean;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
}

const TYPES: Readonly<Record<string, ColumnType>> = { TEXT: 'text', BIGINT: 'number', BYTEA: 'bytes' };

/** The keys come last: a store whose copy was cut off is not initialized, and nobody takes it for whole. */
export const TABLES: readonly Table[] = [
  table('mounts', 'path TEXT, accessor TEXT, value BYTEA, tainted BIGINT'),
  table('entries', 'mount TEXT, name TEXT, value BYTEA'),
  table('policies', 'name TEXT, value BYTEA'),
  table(
    'tokens',
    'id TEXT, accessor TEXT, parent TEXT, expire_time BIGINT?, uses_left BIGINT, value BYTEA, lease TEXT?, bucket BIGINT, ' +
      'entity TEXT',
  ),
  table('identity_entities', 'id TEXT, name TEXT, disabled BIGINT, value BYTEA'),
  table('identity_groups', 'id TEXT, name TEXT, value BYTEA'),
  table('identity_aliases', 'id TEXT, kind TEXT, mount_accessor TEXT, name TEXT, canonical_id TEXT, value BYTEA'),
  table('identity_members', 'group_id TEXT, member_id TEXT, kind TEXT, value BYTEA'),
  table(
    'leases',
    'id TEXT, token TEXT, state TEXT, issue_time BIGINT, expire_time BIGINT, last_renewal BIGINT?, claimed_until BIGINT, ' +
      'next_attempt BIGINT, attempts BIGINT, last_error TEXT?, value BYTEA, claim TEXT, bucket BIGINT',
  ),
  table(
    'intents',
    'mount TEXT, subject TEXT, login TEXT, state TEXT, claim TEXT, claimed_until BIGINT, next_attempt BIGINT?, ' +
      'attempts BIGINT, last_error TEXT?, value BYTEA',
  ),
  table('keyring', 'name TEXT, version BIGINT, value BYTEA'),
];

function table(name: string, columns: string): Table {
  return {
    name,
    columns: columns.split(', ').map((column) => {
      const [columnName = '', type = ''] = column.split(' ');
      const plain = type.replace('?', '');
      return { name: columnName, type: TYPES[plain] ?? 'text', nullable: plain !== type };
    }),
  };
}
