import type { Logger } from '@coffer/base';
import type { StatementPurpose, Warn } from '@coffer/database-plugin';

/** What one operation tells of. */
const MOST = 10;

/**
 * Passes on what the server warned of: to the log, and to whoever asked, if the answer has room for it. As they come, since
 * secrets are taken out on the way.
 */
export function tell(
  logger: Logger,
  purpose: StatementPurpose,
  username: string,
  warnings: readonly string[],
  warn?: Warn,
): void {
  const different = [...new Set(warnings)];
  const left = different.length - MOST;
  const told = [...different.slice(0, MOST), ...(left > 0 ? [`there are ${left} more warnings`] : [])];
  for (const warning of told) {
    logger.warn(`${purpose}_statements: ${warning}`, { username });
    warn?.(`${purpose}_statements: ${warning}`);
  }
}
