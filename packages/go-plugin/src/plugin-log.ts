import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { isJsonObject, LOG_LEVELS, type Logger, type LogLevel } from '@coffer/base';

/** go-plugin's limit of one line of a plugin's stderr (hashicorp/go-plugin:client.go, defaultPluginLogBufferSize). */
const MAX_LINE = 64 * 1024;

/**
 * Calls `onLine` for each line of a stream, for as long as it lives: a pipe that nobody reads blocks the plugin.
 * A longer line than 64 Ki characters comes in pieces.
 */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    rest += decoder.write(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    while (rest.length > MAX_LINE) {
      onLine(rest.slice(0, MAX_LINE));
      rest = rest.slice(MAX_LINE);
    }
  });
  const flush = () => {
    if (rest !== '') onLine(rest);
    rest = '';
  };
  stream.once('close', flush);
  stream.on('error', flush);
}

/**
 * How the report of a crash begins: Go's runtime (golang/go:src/runtime/panic.go, signal_unix.go), V8 out of memory, an error
 * that Node.js found nobody to handle, Python's.
 */
const CRASH =
  /^(?:panic: |fatal error: |fatal: morestack on |fatal: bad g |runtime: |runtime\/cgo: |unexpected fault address |SIG(?:SEGV|BUS|FPE|ILL|ABRT|QUIT|TRAP|SYS): |FATAL ERROR: |# Fatal error in|Traceback \(most recent call last\)|(?:node:|file:|\/)\S*:\d+$)/;

/** How much of a crash is an error, in characters: a dump of very many goroutines would bury what went before. */
const MAX_CRASH = 64 * 1024;

/** Tells the report of a crash, from its first line on, from what else a process writes to stderr. */
export class CrashReport {
  #crashed = false;
  #room = MAX_CRASH;

  /** The level of a line that has none of its own. */
  levelOf(line: string): 'debug' | 'error' {
    this.#crashed ||= CRASH.test(line);
    if (!this.#crashed || this.#room <= 0) return 'debug';
    this.#room -= line.length + 1;
    return 'error';
  }
}

/**
 * Writes one line of a plugin's stderr to `logger`: hclog's JSON lines at their level with their fields, lines that
 * start with `[WARN]` and the like at that level, everything else as text at `otherwise` (hashicorp/go-plugin:client.go,
 * logStderr).
 */
export function logPluginLine(logger: Logger, line: string, otherwise: LogLevel = 'debug'): void {
  const entry = parseHclogLine(line);
  if (entry !== undefined) {
    logger[entry.level](entry.message, entry.fields);
    return;
  }
  const prefix = /^\[(TRACE|DEBUG|INFO|WARN|ERROR)\]/.exec(line)?.[1]?.toLowerCase();
  logger[isLogLevel(prefix) ? prefix : otherwise](line);
}

/** A line as an error quotes it: what people read of one of hclog's, everything else as it is. */
export function quotedLine(line: string): string {
  const entry = parseHclogLine(line);
  if (entry === undefined) return line;
  const { error } = entry.fields;
  return error === undefined ? entry.message : `${entry.message}: ${error}`;
}

/** Keys that become parts of the log entry; the host's line has its own time. */
const OWN_KEYS = new Set(['@level', '@message', '@timestamp']);

interface HclogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Record<string, string | number | boolean>;
}

function parseHclogLine(line: string): HclogEntry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isJsonObject(parsed)) return undefined;
  const { '@level': level, '@message': message } = parsed;
  if (!isLogLevel(level)) return undefined;
  const fields = Object.entries(parsed)
    .filter(([key]) => !OWN_KEYS.has(key))
    .map(([key, value]) => [key, isPlain(value) ? value : JSON.stringify(value)] as const);
  return { level, message: typeof message === 'string' ? message : '', fields: Object.fromEntries(fields) };
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isLogLevel(value: unknown): value is LogLevel {
  return LOG_LEVELS.some((level) => level === value);
}
