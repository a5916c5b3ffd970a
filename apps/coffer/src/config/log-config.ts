import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel, parseLogFormat, parseLogLevel } from '@coffer/base';
import type { HclObject } from '@coffer/hcl';
import { defined } from './config-values.ts';

/** Where the log goes besides stderr, how, and how much of it. All of it may be absent. */
export interface LogConfig {
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  /** A file, or a directory if it ends in a slash. */
  readonly logFile?: string;
  /** Seconds. */
  readonly logRotateDuration?: number;
  readonly logRotateBytes?: number;
  /** How many former files are kept; all of them for 0, none for -1. */
  readonly logRotateMaxFiles?: number;
  /** At which level each request is logged. */
  readonly logRequestsLevel?: LogLevel | 'off';
}

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseLog(config: HclObject): LogConfig {
  return {
    ...defined('logLevel', parseLevel(config, 'log_level')),
    ...defined('logFormat', parseFormat(config)),
    ...defined('logFile', config.string('log_file') || undefined),
    ...defined('logRotateDuration', config.duration('log_rotate_duration') || undefined),
    ...defined('logRotateBytes', parseCount(config, 'log_rotate_bytes', 0)),
    ...defined('logRotateMaxFiles', parseCount(config, 'log_rotate_max_files', -1)),
    ...defined('logRequestsLevel', parseRequestsLevel(config)),
  };
}

function parseLevel(config: HclObject, name: string): LogLevel | undefined {
  const text = config.string(name)?.trim();
  if (text === undefined || text === '') return undefined;
  const level = parseLogLevel(text);
  if (level !== undefined) return level;
  throw config.error(`"${name}" must be one of ${LOG_LEVELS.join(', ')}`, config.attribute(name));
}

function parseRequestsLevel(config: HclObject): LogLevel | 'off' | undefined {
  const name = 'log_requests_level';
  const isOff = config.attribute(name)?.kind === 'string' && config.string(name)?.trim().toLowerCase() === 'off';
  return isOff ? 'off' : parseLevel(config, name);
}

function parseFormat(config: HclObject): LogFormat | undefined {
  const name = 'log_format';
  const text = config.string(name)?.trim();
  if (text === undefined || text === '') return undefined;
  const format = parseLogFormat(text);
  if (format !== undefined) return format;
  throw config.error(`"${name}" must be one of ${LOG_FORMATS.join(', ')}`, config.attribute(name));
}

function parseCount(config: HclObject, name: string, least: number): number | undefined {
  const count = config.number(name);
  if (count === undefined || (Number.isSafeInteger(count) && count >= least)) return count;
  throw config.error(`"${name}" must be a whole number, ${least} or more`, config.attribute(name));
}
