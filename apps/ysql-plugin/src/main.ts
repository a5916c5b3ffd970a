/** The ysql-plugin: launched by Vault, OpenBao or Coffer, it serves YugabyteDB (YSQL) logins over go-plugin. */
import { createLogger, errorText, formatHclogLine } from '@coffer/base';
import { serveDatabase } from '@coffer/database-plugin';
import manifest from '../package.json' with { type: 'json' };
import { beginStart, endStart } from './start-flags.ts';

const version = `v${manifest.version}`;

// The host shows each line at its level, and drops those below its own.
const logger = createLogger('ysql-plugin', 'trace', (entry) => process.stderr.write(formatHclogLine(entry)));

async function main(): Promise<void> {
  const [argument] = process.argv.slice(2);
  if (argument === '-version' || argument === '--version') {
    process.stdout.write(`ysql-plugin ${version}\n`);
    return;
  }
  beginStart();
  // It reports no version to its host: docs/decisions/0014-no-version-over-the-rpc.md.
  await serveDatabase(async () => (await import('@coffer/ysql')).YSQL, { logger });
  endStart();
  logger.info('ysql-plugin started', { version });
}

main().catch((error: unknown) => {
  logger.error('failed to start the plugin', { error: errorText(error) });
  process.exitCode = 1;
});
