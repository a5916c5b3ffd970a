import { LOG_FORMATS, LOG_LEVELS, type LogLevel, parseLogFormat, parseLogLevel } from '@coffer/base';
import { type FlagDefinitions, type FlagValues, usageFailure } from '@coffer/cli';
import { defined } from './config/config-values.ts';
import type { LogConfig } from './config/log-config.ts';

/** Vault's, each of which beats the same key of the configuration. */
export const LOG_FLAGS = {
  'log-level': {
    type: 'string',
    env: 'VAULT_LOG_LEVEL',
    usage: `The log level: ${LOG_LEVELS.join(', ')}. Overrides the configuration file. Default: info.`,
  },
  'log-format': {
    type: 'string',
    env: 'VAULT_LOG_FORMAT',
    usage: `The log format: ${LOG_FORMATS.join(', ')}. Overrides the configuration file. Default: standard.`,
  },
  'log-file': {
    type: 'string',
    env: 'VAULT_LOG_FILE',
    usage: 'A file to also write the log to, or a directory if it ends in a slash. Overrides the configuration file.',
  },
  'log-rotate-duration': {
    type: 'duration',
    env: 'VAULT_LOG_ROTATE_DURATION',
    usage: 'How long until the log file is rotated. Overrides the configuration file. Default: 24h.',
  },
  'log-rotate-bytes': {
    type: 'integer',
    env: 'VAULT_LOG_ROTATE_BYTES',
    usage: 'Size in bytes at which the log file is rotated. Overrides the configuration file. Default: no limit.',
  },
  'log-rotate-max-files': {
    type: 'integer',
    env: 'VAULT_LOG_ROTATE_MAX_FILES',
    usage: 'Number of rotated log files to keep: 0 for all, -1 for none. Overrides the configuration file. Default: 0.',
  },
} as const satisfies FlagDefinitions;

/** @throws CommandFailure for a value that is none */
export function logConfigOf(flags: FlagValues<typeof LOG_FLAGS>): LogConfig {
  const file = flags['log-file'];
  const bytes = atLeast(0, 'log-rotate-bytes', flags);
  const most = atLeast(-1, 'log-rotate-max-files', flags);
  return {
    ...defined('logLevel', logLevelOf(flags)),
    ...defined('logFormat', parsed('log-format', flags['log-format'], parseLogFormat, LOG_FORMATS)),
    ...defined('logFile', file === '' ? undefined : file),
    ...defined('logRotateDuration', flags['log-rotate-duration'] || undefined),
    ...defined('logRotateBytes', bytes),
    ...defined('logRotateMaxFiles', most),
  };
}

/** Undefined where none is given. @throws CommandFailure for a value that is none */
export function logLevelOf(flags: Pick<FlagValues<typeof LOG_FLAGS>, 'log-level'>): LogLevel | undefined {
  return parsed('log-level', flags['log-level'], parseLogLevel, LOG_LEVELS);
}

function parsed<T>(
  name: string,
  text: string | undefined,
  parse: (text: string) => T | undefined,
  known: readonly string[],
): T | undefined {
  if (text === undefined || text === '') return undefined;
  const value = parse(text);
  if (value !== undefined) return value;
  throw usageFailure(`flag -${name}: ${JSON.stringify(text)} is not one of ${known.join(', ')}`);
}

function atLeast(
  least: number,
  name: 'log-rotate-bytes' | 'log-rotate-max-files',
  flags: FlagValues<typeof LOG_FLAGS>,
): number | undefined {
  const count = flags[name];
  if (count === undefined || count >= least) return count;
  throw usageFailure(`flag -${name}: must be ${least} or more`);
}
