import type { SpanDescription, SpanEnd } from '@coffer/base';
import { Failure } from './failure.ts';

/**
 * What a statement may be called in a trace. Of no statement is anything else told: those of roles have passwords in them, and may
 * be written by anybody who may write a role.
 */
const KINDS = new Set([
  ...[
    'SELECT',
    'WITH',
    'INSERT',
    'UPDATE',
    'DELETE',
    'VALUES',
    'CALL',
    'DO',
    'LOCK',
    'SHOW',
    'SET',
    'RESET',
    'DISCARD',
  ],
  ...['BEGIN', 'START', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'SAVEPOINT', 'RELEASE'],
  ...['GRANT', 'REVOKE', 'COMMENT', 'CREATE', 'ALTER', 'DROP', 'REASSIGN'],
]);
/** Of these the second word says more. */
const OBJECTS = new Set([
  ...['ROLE', 'USER', 'GROUP', 'OWNED', 'DATABASE', 'SCHEMA', 'TABLE', 'INDEX', 'VIEW', 'SEQUENCE', 'FUNCTION', 'TYPE'],
  ...['DEFAULT', 'EXTENSION', 'POLICY'],
]);
const WITH_OBJECTS = new Set(['CREATE', 'ALTER', 'DROP', 'REASSIGN']);
/** Of one request. */
const MOST_KINDS = 5;

/** `CREATE ROLE`, `SELECT`; `OTHER` for what is not known. Not a word of it is taken from the statement. */
export function statementKind(sql: string): string {
  const [first = '', second = ''] = withoutComments(sql.slice(0, 1000))
    .slice(0, 60)
    .toUpperCase()
    .split(/[\s;(]+/);
  if (!KINDS.has(first)) return 'OTHER';
  return WITH_OBJECTS.has(first) && OBJECTS.has(second) ? `${first} ${second}` : first;
}

/** Without those, and the space, that it begins with. */
function withoutComments(sql: string): string {
  const text = sql.trimStart();
  const end = text.startsWith('--') ? text.indexOf('\n') : text.startsWith('/*') ? text.indexOf('*/') + 1 : -1;
  return end > 0 ? withoutComments(text.slice(end + 1)) : text;
}

/** The kinds of several statements, each once. */
export function kindsOf(statements: readonly string[]): string {
  const kinds = [...new Set(statements.map(statementKind))];
  return kinds.length > MOST_KINDS ? `${kinds.slice(0, MOST_KINDS).join(', ')}, …` : kinds.join(', ');
}

/** One message to a database server. */
export function sqlSpan(
  { host, port }: { readonly host: string; readonly port: number },
  statements: readonly string[],
): SpanDescription {
  // Several that are sent as one text stand on lines of their own.
  const kinds = kindsOf(statements.flatMap((sql) => sql.split('\n;\n')));
  return {
    name: `SQL ${kinds}`,
    kind: 'client',
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': kinds,
      'server.address': host,
      'server.port': port,
    },
  };
}

/** The server's SQLSTATE, where it has answered with one. */
export function sqlEnd(result: unknown): SpanEnd {
  if (!(result instanceof Failure)) return {};
  const { kind, sqlstate } = result;
  return {
    failure: sqlstate === '' ? kind : sqlstate,
    ...(sqlstate !== '' && { attributes: { 'db.response.status_code': sqlstate } }),
  };
}
