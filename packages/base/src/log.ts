import type { JsonValue } from './json.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `standard` is for people, `json` for programs. */
export const LOG_FORMATS = ['standard', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

const LEVEL_ALIASES: Readonly<Record<string, LogLevel>> = { notice: 'info', warning: 'warn', err: 'error' };

/** A level in any spelling that Vault takes (openbao/openbao:internal/helper/logging/logger.go ParseLogLevel). */
export function parseLogLevel(text: string): LogLevel | undefined {
  const name = text.trim().toLowerCase();
  return (
    LOG_LEVELS.find((level) => level === name) ?? (Object.hasOwn(LEVEL_ALIASES, name) ? LEVEL_ALIASES[name] : undefined)
  );
}

/** @returns undefined for what is no format */
export function parseLogFormat(text: string): LogFormat | undefined {
  const name = text.trim().toLowerCase();
  return LOG_FORMATS.find((format) => format === name);
}

/** Fields of one log line. Values are strings, numbers and booleans only: an object could carry a secret along. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;
export interface LogEntry {
  readonly time: Date;
  readonly level: LogLevel;
  readonly module: string;
  readonly message: string;
  readonly fields: LogFields;
}

export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines carry `module` appended to this one's, dot separated (`core.leases`). */
  named(module: string): Logger;
}

/** Whether a line of `level` is as severe as `threshold`, or more. */
export function isAtLeast(level: LogLevel, threshold: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(threshold);
}

/** A logger that hands each line to `log`, whatever its level. */
export function loggerOver(
  log: (level: LogLevel, message: string, fields: LogFields) => void,
  named: Logger['named'],
): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      log(level, message, fields);
  return { trace: at('trace'), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), named };
}

/** A logger that hands each entry at or above `level` to `write`. */
export function createLogger(module: string, level: LogLevel, write: (entry: LogEntry) => void): Logger {
  return loggerOver(
    (lineLevel, message, fields) => {
      if (isAtLeast(lineLevel, level)) write({ time: new Date(), level: lineLevel, module, message, fields });
    },
    (name) => createLogger(module === '' ? name : `${module}.${name}`, level, write),
  );
}

export const silentLogger: Logger = createLogger('', 'error', () => undefined);

/** Longest message and value in a line for people, in characters. */
const LONGEST_TEXT = 16_384;

/** Cut to a length, with characters that would end the line or control a terminal escaped: callers influence what is logged. */
function printable(text: string): string {
  const bounded = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}...` : text;
  return bounded.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/**
 * Vault's line for people: `2026-11-24T18:50:50.399Z [INFO]  core: vault is unsealed: key=value`. One line, whatever it says:
 * the words of a caller, a database or a plugin must not look like lines of ours.
 */
export function formatLogLine(entry: LogEntry): string {
  const level = `[${entry.level.toUpperCase()}]`.padEnd(7);
  const fields = Object.entries(entry.fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${printable(/[\s"=]/.test(String(value)) ? JSON.stringify(value) : String(value))}`)
    .join('');
  return `${entry.time.toISOString()} ${level} ${entry.module}: ${printable(entry.message)}${fields === '' ? '' : `:${fields}`}\n`;
}

/**
 * hclog's JSON line, as a go-plugin host reads it from a plugin's stderr. The host accepts the level only when
 * `@timestamp` has six fractional digits (hashicorp/go-plugin:log_entry.go).
 */
export function formatHclogLine(entry: LogEntry): string {
  const line: Record<string, JsonValue | undefined> = {
    '@level': entry.level,
    '@message': entry.message,
    '@module': entry.module,
    '@timestamp': entry.time.toISOString().replace('Z', '000Z'),
    // JSON leaves out what is undefined.
    ...entry.fields,
  };
  return `${JSON.stringify(line)}\n`;
}

/** One line, with its end. */
export function formatLog(entry: LogEntry, format: LogFormat): string {
  return format === 'json' ? formatHclogLine(entry) : formatLogLine(entry);
}
