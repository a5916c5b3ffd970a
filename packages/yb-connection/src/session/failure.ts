import { CofferError, type NothingDoneError, type OutcomeError } from '@coffer/base';
import pg from 'pg';

/**
 * What to do after a failed statement or connection:
 *
 * `conflict`: look at what the statement may have done already, and try again after a pause
 * `outcome-unknown`: the connection is gone, and with it the answer; look before acting
 * `unreachable`: no connection could be made, so nothing was sent
 * `busy`: the node accepts no connection right now, or only a useless one; try another node, or try later
 * `read-only`: the node takes no writes, so the statement had no effect; try another node
 * `upgrade`: the cluster is being upgraded and accepts no DDL; try much later
 * `fatal`: trying again would fail again
 */
export type FailureKind = 'conflict' | 'outcome-unknown' | 'unreachable' | 'busy' | 'read-only' | 'upgrade' | 'fatal';

/** SQLSTATE invalid_password. */
export const WRONG_PASSWORD = '28P01';

/** SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

/** The server process behind a connection, so that it can be found again when its answer is lost. */
export interface Backend {
  readonly applicationName: string;
  /** The key of its node, if we know which one it is on. */
  readonly node: string | undefined;
}

/** What went wrong in the database or on the way to it. Never leaves this package except as a CofferError. */
export class Failure extends Error implements OutcomeError, NothingDoneError {
  readonly kind: FailureKind;
  /** Empty if the server sent none. */
  readonly sqlstate: string;
  readonly backend: Backend | undefined;

  /** `unreachable` because no server process runs there (refused, starting, stopping); silence alone proves nothing. */
  readonly nobodyThere: boolean;
  /** `busy` because target_session_attrs asks for another kind of server. */
  readonly unwanted: boolean;
  /** Trying again would only give the same result, whatever its kind. */
  readonly final: boolean;
  /** The outcome is unknown because its node fell silent: to ask it what came of the statement is in vain for now. */
  readonly nodeSilent: boolean;
  /** The outcome is unknown, and the statement may even take effect later. */
  readonly mayLand: boolean;
  /** The server ended the session before it looked at the statement: it had no effect after all. */
  readonly unstarted: boolean;
  /** `fatal` because of what is the node's own, as its certificate is: another one may do better. */
  readonly ofNode: boolean;

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message);
    this.name = 'Failure';
    this.kind = kind;
    this.sqlstate = details.sqlstate ?? '';
    this.backend = details.backend;
    this.nobodyThere = details.nobodyThere ?? false;
    this.unwanted = details.unwanted ?? false;
    this.final = details.final ?? false;
    this.nodeSilent = details.nodeSilent ?? false;
    this.mayLand = details.mayLand ?? false;
    this.unstarted = details.unstarted ?? false;
    this.ofNode = details.ofNode ?? false;
  }

  get outcomeUnknown(): boolean {
    return this.kind === 'outcome-unknown';
  }

  /** The server refused the statement, which certainly had no effect. */
  get hadNoEffect(): boolean {
    return this.kind === 'fatal' || this.kind === 'read-only';
  }

  get nothingDone(): boolean {
    return this.kind === 'unreachable' || this.kind === 'busy';
  }

  /** The same failure, with a message that starts with what was being done. */
  during(what: string): Failure {
    return new Failure(this.kind, `${what}: ${this.message}`, this);
  }
}

export interface FailureDetails {
  readonly sqlstate?: string;
  readonly backend?: Backend | undefined;
  readonly nobodyThere?: boolean;
  readonly unwanted?: boolean;
  readonly final?: boolean;
  readonly nodeSilent?: boolean;
  readonly mayLand?: boolean;
  readonly unstarted?: boolean;
  readonly ofNode?: boolean;
}

interface FailureRule {
  readonly sqlstate?: RegExp;
  readonly text?: RegExp;
  readonly kind: FailureKind;
}

/**
 * The first rule that matches decides. Message texts matter more than SQLSTATEs here, because YugabyteDB reports many of its
 * own conditions as XX000. Sources: yb:docs develop/learn/transactions/transactions-retries-ysql, yugabyte-db issues 10867,
 * 29856, 26755.
 */
export const FAILURE_RULES: readonly FailureRule[] = [
  { text: /catalog modifications are not allowed during/i, kind: 'upgrade' },
  { text: /object lock manager shutdown/i, kind: 'outcome-unknown' },
  { sqlstate: /^57P0[1-5]$/, kind: 'outcome-unknown' },
  { sqlstate: /^25P0[34]$/, kind: 'outcome-unknown' },
  { sqlstate: /^08/, kind: 'outcome-unknown' },
  { sqlstate: /^25006$/, kind: 'read-only' },
  { sqlstate: /^53300$/, kind: 'busy' },
  { sqlstate: /^40(001|P01)$/, kind: 'conflict' },
  { sqlstate: /^55P03$/, kind: 'conflict' },
  // A prepared statement that the server does not have any more, or cannot run as it was prepared: it is prepared again.
  { sqlstate: /^26000$/, kind: 'conflict' },
  { text: /cached plan must not change result type/i, kind: 'conflict' },
  { text: /tuple concurrently (updated|deleted)/i, kind: 'conflict' },
  { text: /catalog version mismatch|schema version mismatch|MISMATCHED_SCHEMA/i, kind: 'conflict' },
  { text: /catalog snapshot used for this transaction has been invalidated/i, kind: 'conflict' },
  { text: /restart read required|restarting a ddl transaction/i, kind: 'conflict' },
  { text: /unknown transaction, could be recently aborted/i, kind: 'conflict' },
  { text: /operation failed\. try again/i, kind: 'conflict' },
];

/** Classifies a server's answer by its SQLSTATE (empty if there was none) and its message. */
export function classify(sqlstate: string, message: string): FailureKind {
  for (const rule of FAILURE_RULES) {
    if (rule.sqlstate !== undefined && !rule.sqlstate.test(sqlstate)) continue;
    if (rule.text !== undefined && !rule.text.test(message)) continue;
    return rule.kind;
  }
  return 'fatal';
}

/** The failure that `pg` threw for a statement. Anything but an answer from the server means a lost connection. */
export function failureOfStatement(thrown: unknown, backend: Backend): Failure {
  if (thrown instanceof pg.DatabaseError) {
    const sqlstate = thrown.code ?? '';
    const kind = classify(sqlstate, thrown.message);
    return new Failure(kind, serverMessage(thrown), { sqlstate, backend });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failure('outcome-unknown', `connection to the database lost (${message})`, { backend });
}

/** The server's answer in the form Go users are used to: `ERROR: role "x" does not exist (SQLSTATE 42704)`. */
export function serverMessage(error: pg.DatabaseError): string {
  // Of all details only the list of what depends on a role is worth showing; others may repeat values from rows.
  const detail = error.code === '2BP01' && error.detail !== undefined ? `: ${error.detail.replaceAll('\n', '; ')}` : '';
  const hint = error.code === READ_ONLY ? ': the server is a standby, or the transaction was made read-only' : '';
  return `${error.severity ?? 'ERROR'}: ${error.message}${detail} (SQLSTATE ${error.code ?? 'unknown'})${hint}`;
}

/** The error to hand to the outside for anything thrown inside this package. */
export function asCofferError(thrown: unknown): CofferError {
  if (!(thrown instanceof Failure)) return CofferError.from(thrown);
  if (thrown.nothingDone || thrown.mayLand) return new CofferError('unavailable', thrown.message, { cause: thrown });
  return new CofferError('failed', thrown.message);
}
