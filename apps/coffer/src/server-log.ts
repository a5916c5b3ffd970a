import { formatLog, Loggers, type LogFormat, type LogLevel } from '@coffer/base';
import type { LogConfig } from './config/log-config.ts';
import { LogFile } from './log-file.ts';
import { fileOfLog } from './config/own-paths.ts';
import { RequestLog } from './request-log.ts';

interface Output {
  write(text: string): unknown;
}

/** The log of a server: to stderr always, and to a file where one is configured. */
export class ServerLog {
  readonly loggers: Loggers;
  readonly requests: RequestLog;
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** The file that it goes to besides stderr, if there is one. */
  readonly ownPaths: readonly string[];
  readonly #stderr: Output;
  readonly #file: LogFile | undefined;

  /** @throws CofferError `failed` when the file cannot be written */
  constructor(config: LogConfig, stderr: Output) {
    const { logLevel = 'info', logFormat = 'standard', logRequestsLevel } = config;
    this.level = logLevel;
    this.format = logFormat;
    this.ownPaths = config.logFile === undefined ? [] : [fileOfLog(config.logFile)];
    this.#stderr = stderr;
    this.#file = openFile(config, (trouble) => this.#toStderr(trouble));
    this.loggers = new Loggers(logLevel, (entry) => {
      const line = formatLog(entry, logFormat);
      stderr.write(line);
      this.#file?.write(line);
    });
    this.requests = new RequestLog(this.loggers.root.named('request'));
    this.requests.setLevel(logRequestsLevel);
  }

  /** Returns whether there is a file. */
  reopen(): boolean {
    this.#file?.reopen();
    return this.#file !== undefined;
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Not by way of the log, which is what does not work. */
  #toStderr(message: string): void {
    const entry = { time: new Date(), level: 'error', module: 'log', message, fields: {} } as const;
    this.#stderr.write(formatLog(entry, this.format));
  }
}

function openFile(config: LogConfig, onTrouble: (reason: string) => void): LogFile | undefined {
  const { logFile: path, logRotateDuration, logRotateBytes, logRotateMaxFiles } = config;
  if (path === undefined) return undefined;
  return new LogFile({
    path,
    ...(logRotateDuration !== undefined && { rotateDuration: logRotateDuration }),
    ...(logRotateBytes !== undefined && { rotateBytes: logRotateBytes }),
    ...(logRotateMaxFiles !== undefined && { maxFiles: logRotateMaxFiles }),
    onTrouble,
  });
}
