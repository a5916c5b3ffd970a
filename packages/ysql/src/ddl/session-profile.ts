import { type Metrics, NO_METRICS, PROCESS_ID, randomBase62 } from '@coffer/base';
import { type ConnectionSettings, ourSettings, type SessionProfile } from '@coffer/yb-connection';

/** Far more than the answer to anything that we ask; but the statements of a role may ask for anything. */
const LONGEST_ANSWER_BYTES = 8 * 1024 * 1024;

/** How the application_name of all connections begins that a process has opened. */
export function applicationPrefix(processId: string): string {
  return `ysql-plugin ${processId}`;
}

/**
 * The application_name of a session is unique, so that its server process can be found again when an answer is lost, and begins with
 * what {@link applicationPrefix} says, so that those of a dead process can be found.
 *
 * Our SQL names every function, table and type with its schema. The search path is for operators, and for those that IN and
 * CASE stand for. pg_temp is in it, and last, because it would otherwise be searched first.
 */
export function sessionProfile(
  { parameters, statementTimeoutSeconds }: ConnectionSettings,
  metrics: Metrics = NO_METRICS,
): SessionProfile {
  const settings = ourSettings({
    role: parameters['role'],
    statementTimeoutSeconds,
    searchPath: 'pg_catalog, pg_temp',
  });
  return {
    applicationName: () => `${applicationPrefix(PROCESS_ID)}${randomBase62(10)}`,
    ourSettings: () => settings,
    longestAnswerBytes: LONGEST_ANSWER_BYTES,
    onAnswer: (ms) => metrics.took('coffer.database.roundtrip.seconds', ms),
  };
}
