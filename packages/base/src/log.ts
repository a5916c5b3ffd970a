import type { JsonValue } from './json.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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

/** A logger that hands each entry at or above `level` to `write`. */
export function createLogger(module: string, level: LogLevel, write: (entry: LogEntry) => void): Logger {
  const threshold = LOG_LEVELS.indexOf(level);
  const at =
    (lineLevel: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(lineLevel) >= threshold)
        write({ time: new Date(), level: lineLevel, module, message, fields });
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    named: (name) => createLogger(module === '' ? name : `${module}.${name}`, level, write),
  };
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
