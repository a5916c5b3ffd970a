import { CofferError } from '@coffer/base';
import pg from 'pg';

/**
 * What to do after a failed statement or connection:
 *
 * `conflict` the statement had no effect that a look at the state would miss; try again after a pause
 * `lost` the connection is gone and so is the answer: whether the statement took effect is not known
 * `unreachable` no connection could be made; nothing was sent
 * `busy` the node takes no connection now, or made none of use: another node, or later
 * `upgrade` the cluster is being upgraded and takes no DDL: much later
 * `fatal` trying again would fail again
 */
export type FailureKind = 'conflict' | 'lost' | 'unreachable' | 'busy' | 'upgrade' | 'fatal';

/** SQLSTATE invalid_password. */
export const WRONG_PASSWORD = '28P01';

/** The server process behind a connection, to be found again when its answer was lost. */
export interface Backend {
  readonly applicationName: string;
  /** The node's key, when it is known which one it is. */
  readonly node: string | undefined;
}

/** What the database or the way to it answered. Stays inside this room: the edge makes a CofferError of it. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** Empty when the server sent none. */
  readonly sqlstate: string;
  readonly backend: Backend | undefined;

  /** Of `unreachable`: no server process runs there (refused, starting, stopping), which a mere silence does not say. */
  readonly nobodyThere: boolean;
  /** The same would only come of it again, whatever its kind is worth. */
  readonly final: boolean;

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message);
    this.name = 'Failure';
    this.kind = kind;
    this.sqlstate = details.sqlstate ?? '';
    this.backend = details.backend;
    this.nobodyThere = details.nobodyThere ?? false;
    this.final = details.final ?? false;
  }

  /** The same failure, its message preceded by what was being done. */
  during(what: string): Failure {
    return new Failure(this.kind, `${what}: ${this.message}`, this);
  }
}

export interface FailureDetails {
  readonly sqlstate?: string;
  readonly backend?: Backend | undefined;
  readonly nobodyThere?: boolean;
  readonly final?: boolean;
}

interface FailureRule {
  readonly sqlstate?: RegExp;
  readonly text?: RegExp;
  readonly kind: FailureKind;
}

/**
 * The first rule that fits decides. Texts matter more than SQLSTATEs here: YugabyteDB reports many of its own
 * conditions as XX000. Sources: yb:docs develop/learn/transactions/transactions-retries-ysql, yugabyte-db issues 10867,
 * 29856, 26755.
 */
export const FAILURE_RULES: readonly FailureRule[] = [
  { text: /catalog modifications are not allowed during/i, kind: 'upgrade' },
  { text: /object lock manager shutdown/i, kind: 'lost' },
  { sqlstate: /^57P0[1-5]$/, kind: 'lost' },
  { sqlstate: /^25P0[34]$/, kind: 'lost' },
  { sqlstate: /^08/, kind: 'lost' },
  { sqlstate: /^53300$/, kind: 'busy' },
  { sqlstate: /^40(001|P01)$/, kind: 'conflict' },
  { sqlstate: /^55P03$/, kind: 'conflict' },
  { text: /tuple concurrently (updated|deleted)/i, kind: 'conflict' },
  { text: /catalog version mismatch|schema version mismatch|MISMATCHED_SCHEMA/i, kind: 'conflict' },
  { text: /catalog snapshot used for this transaction has been invalidated/i, kind: 'conflict' },
  { text: /restart read required|restarting a ddl transaction/i, kind: 'conflict' },
  { text: /unknown transaction, could be recently aborted/i, kind: 'conflict' },
  { text: /operation failed\. try again/i, kind: 'conflict' },
];

/** Classifies what a server answered: an SQLSTATE (empty when there was none) and a message. */
export function classify(sqlstate: string, message: string): FailureKind {
  for (const rule of FAILURE_RULES) {
    if (rule.sqlstate !== undefined && !rule.sqlstate.test(sqlstate)) continue;
    if (rule.text !== undefined && !rule.text.test(message)) continue;
    return rule.kind;
  }
  return 'fatal';
}

/** What `pg` threw for a statement. Anything that is not an answer of the server means that the connection is lost. */
export function failureOfStatement(thrown: unknown, backend: Backend): Failure {
  if (thrown instanceof pg.DatabaseError) {
    const sqlstate = thrown.code ?? '';
    const kind = classify(sqlstate, thrown.message);
    return new Failure(kind, serverMessage(thrown), { sqlstate, backend });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failure('lost', `connection to the database lost (${message})`, { backend });
}

/** The server's answer in the form that Go users know: `ERROR: role "x" does not exist (SQLSTATE 42704)`. */
export function serverMessage(error: pg.DatabaseError): string {
  // Only what depends on a role is worth showing from the details; others may repeat row values.
  const detail = error.code === '2BP01' && error.detail !== undefined ? `: ${error.detail.replaceAll('\n', '; ')}` : '';
  return `${error.severity ?? 'ERROR'}: ${error.message}${detail} (SQLSTATE ${error.code ?? 'unknown'})`;
}

/** The error that leaves this room for anything thrown inside it. */
export function asCofferError(thrown: unknown): CofferError {
  if (!(thrown instanceof Failure)) return CofferError.from(thrown);
  return new CofferError('failed', thrown.message);
}
