import { CofferError, isCofferError, type Logger } from '@coffer/base';
import { type ConnectionSettings, decodeConnection, type TargetSessionAttributes } from '@coffer/yb-connection';

/** What libpq takes where a URL names none, and what the store took when it knew one host. */
const DEFAULT_PORT = 5432;
/** How long a connection is kept while nobody uses it. */
const LONGEST_IDLE_SECONDS = 60;
/** What reads from one of these would be old, and nothing could be written. */
const NO_STORE: readonly (TargetSessionAttributes | undefined)[] = ['read-only', 'standby', 'prefer-standby'];

/**
 * How to connect to the store. What is said of it is said to an operator who writes a file: everything that would have no
 * effect as it stands is refused, but for settings of other drivers, which are logged.
 *
 * @throws CofferError `invalid-request` naming connection_url and what is wrong in it, never its text
 */
export function storeSettings(connectionUrl: string, maxConnections: number, logger: Logger): ConnectionSettings {
  const refuse = (problem: string): never => {
    throw new CofferError('invalid-request', inUrl(problem));
  };
  try {
    const settings = decodeConnection(
      { connection_url: connectionUrl, max_open_connections: maxConnections },
      {
        warn: (message) => logger.warn(`store: ${message}`),
        refuse,
        mistyped: (name, meant) => refuse(`there is no setting "${name}"; did you mean "${meant}"?`),
        defaultPort: DEFAULT_PORT,
      },
    );
    const { targetSession = 'primary' } = settings;
    if (NO_STORE.includes(targetSession)) refuse(`target_session_attrs=${targetSession}: a store must be writable`);
    return { ...settings, targetSession, longestIdleSeconds: LONGEST_IDLE_SECONDS };
  } catch (error) {
    if (!isCofferError(error)) throw error;
    throw new CofferError(error.code, inUrl(error.message), { cause: error.cause });
  }
}

/** All there is to name is the URL, whatever field the decoder speaks of. */
function inUrl(problem: string): string {
  return problem.startsWith('field "connection_url"') ? problem : `field "connection_url": ${problem}`;
}
