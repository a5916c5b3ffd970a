import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  CofferError,
  createLogger,
  errorText,
  formatLogLine,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  silentLogger,
} from '@coffer/base';
import { type CommandDefinition, defineCommand, type Ui, usageFailure } from '@coffer/cli';
import type { Store } from '@coffer/store';
import { type MigrateConfig, readMigrateConfig } from './config/migrate-config.ts';
import type { StorageConfig } from './config/storage-config.ts';
import { logLevelOf } from './log-flags.ts';

const EVERY_MS = 2_000;

/** `coffer operator migrate`: copies a store into one of the other type, while no server works on it. */
export const migrateCommand: CommandDefinition = defineCommand({
  name: 'migrate',
  synopsis: 'Migrates Vault data between storage backends',
  description: `
    Copies all data from one storage to another, empty one. The data stays encrypted: no server and no unsealing is
    needed. Stop all servers on both storages first. To continue an interrupted migration, run the command again.

    The configuration has a storage_source and a storage_destination block, each like the storage block of a server.`,
  usage: '[options]',
  examples: [
    { caption: 'Start a migration with a configuration file:', command: 'operator migrate -config=migrate.hcl' },
  ],
  http: false,
  flags: {
    config: {
      type: 'string',
      env: 'VAULT_MIGRATE_CONFIG_PATH',
      usage: 'Path to a configuration file. This configuration file should contain only migrator directives.',
    },
    reset: { type: 'boolean', usage: 'Reset the migration lock, and remove what was copied. No migration will occur.' },
    start: { type: 'string', usage: 'Not supported: an interrupted migration continues by itself.' },
    'log-level': {
      type: 'string',
      env: 'VAULT_LOG_LEVEL',
      usage: `The level of store messages to show: ${LOG_LEVELS.join(', ')}. Default: none.`,
    },
    'max-parallel': { type: 'integer', usage: 'Kept for compatibility. Rows are copied one after the other.' },
  },
  arguments: { min: 0, max: 0 },
  async run({ flags, ui }) {
    if (flags.start !== undefined) {
      throw usageFailure(
        'flag -start: not supported; run the command again, and it continues where it was interrupted',
      );
    }
    if ((flags['max-parallel'] ?? 1) < 1) throw usageFailure('Argument to flag -max-parallel must be 1 or more');
    if (flags.config === undefined || flags.config === '') {
      throw usageFailure('Must specify exactly one config path using -config');
    }
    const logger = loggerAt(logLevelOf(flags), ui);
    const config = await load(flags.config);
    try {
      await migrate(config, flags.reset === true, ui, logger);
    } catch (thrown) {
      ui.error(`Error migrating: ${CofferError.from(thrown).message}`);
      return 2;
    }
    const success =
      flags.reset === true ? 'Migration lock reset (if it was set).' : 'All of the keys have been migrated.';
    ui.output(`Success! ${success}`);
    return 0;
  },
});

async function load(file: string): Promise<MigrateConfig> {
  try {
    return await readMigrateConfig(file);
  } catch (thrown) {
    throw usageFailure(`Error loading configuration from ${file}: ${CofferError.from(thrown).message}`);
  }
}

function loggerAt(level: LogLevel | undefined, ui: Ui): Logger {
  if (level === undefined) return silentLogger;
  return createLogger('migrate', level, (entry) => ui.warn(formatLogLine(entry).trimEnd()));
}

async function migrate(
  { source, destination }: MigrateConfig,
  isReset: boolean,
  ui: Ui,
  logger: Logger,
): Promise<void> {
  const { migrateStore, resetMigration } = await import('@coffer/core');
  await checkSource(source, destination);
  await withStore(source, "'storage_source'", logger, (from) =>
    withStore(destination, "'storage_destination'", logger, async (to) => {
      if (isReset) {
        await resetMigration(from, to);
        return;
      }
      const rows = await migrateStore({ source: from, destination: to, onRows: progressOn(ui) });
      ui.output(`Copied and verified ${rows} rows.`);
    }),
  );
}

/** A store file is made where there is none, which would leave an empty one at a path that was not meant. */
async function checkSource(source: StorageConfig, destination: StorageConfig): Promise<void> {
  if (source.type !== 'file') return;
  const { STORE_FILE } = await import('./open-storage.ts');
  const file = join(source.directory, STORE_FILE);
  await access(file).catch((cause: unknown) => {
    const why = `cannot read ${file}: ${errorText(cause)}`;
    throw new CofferError('failed', `error mounting 'storage_source': there is no store: ${why}`, { cause });
  });
  if (destination.type === 'file' && resolve(destination.directory) === resolve(source.directory)) {
    throw new CofferError('failed', 'the destination is the source');
  }
}

async function withStore(
  storage: StorageConfig,
  name: string,
  logger: Logger,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  const { openStorage } = await import('./open-storage.ts');
  let store: Store;
  try {
    store = await openStorage(storage, logger);
  } catch (thrown) {
    throw new CofferError('failed', `error mounting ${name}: ${CofferError.from(thrown).message}`, { cause: thrown });
  }
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

function progressOn(ui: Ui): (table: string, done: number, total: number) => void {
  let next = Date.now() + EVERY_MS;
  return (table, done, total) => {
    if (Date.now() < next && done < total) return;
    next = Date.now() + EVERY_MS;
    ui.warn(`==> ${table}: ${done} of ${total}`);
  };
}
