/** What makes a plan of PostgreSQL grow with the tables. */

/** A node of `EXPLAIN (FORMAT JSON)`. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Filter?: string;
  /** By ANALYZE, of each loop. */
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Tables with a row for each login, token, role or change. The others have few rows: {@link SMALL}. */
export const GROWING = [
  ...['leases', 'tokens', 'entries', 'intents', 'changes'],
  ...['identity_entities', 'identity_aliases', 'identity_members'],
];
export const SMALL: Readonly<Record<string, string>> = {
  mounts: 'what operators enable by hand',
  policies: 'what operators write by hand; only its names are ever read as a whole',
  keyring: 'four rows',
  identity_groups: 'what operators write by hand',
  epoch: 'one row',
  nodes: 'a row a process',
  migrations: 'a row a version of the schema',
};

/** Indexes whose first column has few values: alone it leaves most of the table. */
const SECOND_COLUMN: Readonly<Record<string, RegExp>> = {
  entries_pkey: /\bname\b/,
  intents_pkey: /\bsubject\b/,
  intents_login: /\blogin\b/,
  intents_next_attempt: /\bnext_attempt\b/,
  leases_due: /\bnext_attempt\b/,
  tokens_due: /\bexpire_time\b/,
};

/** Nodes that read all of what is below them before they return a row, whatever LIMIT is above. */
const READS_ALL = /^(Sort|Aggregate|Hash|Group|Unique|ModifyTable|SetOp|Materialize)$/;

/** Everything that reads more of a growing table than it returns, or more than a LIMIT. */
export function faultsOf(node: PlanNode, limited = false): string[] {
  const { 'Node Type': type, 'Relation Name': table = '', Plans: plans = [] } = node;
  const own = GROWING.includes(table) ? scanFault(node, limited) : undefined;
  const below = type === 'Limit' || (limited && !READS_ALL.test(type));
  const sorts = /Sort$/.test(type) && readsGrowing(node) ? [`${type} of what no LIMIT bounds`] : [];
  return [...(own === undefined ? [] : [own]), ...sorts, ...plans.flatMap((plan) => faultsOf(plan, below))];
}

function scanFault(node: PlanNode, limited: boolean): string | undefined {
  const { 'Node Type': type, 'Relation Name': table = '', 'Index Name': index = '' } = node;
  if (!type.endsWith('Scan')) return undefined;
  if (!/^Index (Only )?Scan$/.test(type)) return `${type} of ${table}`;
  const condition = node['Index Cond'];
  if (condition === undefined) return limited ? undefined : `all of ${index}`;
  const second = SECOND_COLUMN[index];
  const narrow = second === undefined || second.test(condition) || limited;
  return narrow || node.Filter === undefined
    ? undefined
    : `all of ${index} with ${condition}, to look for ${node.Filter}`;
}

/** Whether it reads a growing table without a LIMIT. */
function readsGrowing(node: PlanNode): boolean {
  if (node['Node Type'] === 'Limit') return false;
  if (/Scan$/.test(node['Node Type']) && GROWING.includes(node['Relation Name'] ?? '')) return true;
  return (node.Plans ?? []).some(readsGrowing);
}

/** How many rows of growing tables were read, whether or not they were wanted. */
export function rowsRead(node: PlanNode): number {
  const { 'Actual Rows': rows = 0, 'Actual Loops': loops = 1, Plans: plans = [] } = node;
  const left = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const scans = /Scan$/.test(node['Node Type']) && GROWING.includes(node['Relation Name'] ?? '');
  return plans.map(rowsRead).reduce((sum, each) => sum + each, scans ? (rows + left) * loops : 0);
}

/** What may read more the more there is, by how it begins. */
export const MAY_GROW: Readonly<Record<string, string>> = {
  'SELECT count(*) AS n FROM leases': 'an operator counts them',
  'SELECT count(*) AS n FROM leases WHERE state = $1': 'an operator counts what is being revoked',
  'SELECT count(*) AS n FROM tokens WHERE uses_left >= 0 AND (expire_time IS NULL OR expire_time > store_now())':
    'an operator counts the tokens that are valid',
  "UPDATE leases SET claim = '', claimed_until = CASE WHEN state = 'active' OR claim <> '' THEN 0 ELSE issue_time + $1 END, next_attempt = CASE WHEN state = 'active' THEN next_attempt WHEN claim <> '' THEN 0 ELSE issue_time + $1 END WHERE claimed_until > store_now()":
    'once, when the embedded store is opened',
  'SELECT * FROM identity_entities AS every': 'an operator lists them',
  'SELECT count(*) AS n FROM identity_entities': 'an operator counts them',
  'SELECT * FROM identity_aliases AS every': 'an operator lists them',
  'UPDATE intents SET claimed_until = CAST($1 AS BIGINT) WHERE claimed_until > 0': 'as above',
};

/** The one of {@link MAY_GROW} that a statement is. */
export function exceptionFor(sql: string): string | undefined {
  const all = Object.keys(MAY_GROW).filter((beginning) => sql.startsWith(beginning));
  return all.includes(sql) ? sql : all.at(-1);
}
