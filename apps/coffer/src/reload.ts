import { CofferError, errorText, type JsonObject, type Logger } from '@coffer/base';
import type { ServerConfiguration } from '@coffer/engine-system';
import { sanitizedConfig } from './config/sanitized-config.ts';
import { type ConfigFindings, examineConfig, requireConfig } from './config/server-config.ts';
import type { Server } from './server.ts';
import type { ServerLog } from './server-log.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What of a configuration counts without a new start. */
const PARTS = ['all', 'listener', 'log'] as const;
type Part = (typeof PARTS)[number];

export interface ConfigurationOptions {
  readonly paths: readonly string[];
  readonly env: Environment;
  /** What was read of them for the start. */
  readonly findings: ConfigFindings;
  readonly log: ServerLog;
}

/** The configuration of a running server: what it was, and what is read of it again. */
export class RunningConfiguration implements ServerConfiguration {
  readonly reloadable = PARTS;
  readonly #options: ConfigurationOptions;
  readonly #logger: Logger;
  readonly #started = Promise.withResolvers<Server>();
  #findings: ConfigFindings;
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigurationOptions) {
    this.#options = options;
    this.#findings = options.findings;
    this.#logger = options.log.loggers.root;
    // Without a reload under way nobody waits for it.
    this.#started.promise.catch(() => undefined);
  }

  /** The server that a reload changes: reloads wait for it. */
  serves(starting: Promise<Server>): void {
    starting.then(this.#started.resolve, this.#started.reject);
  }

  sanitized(): JsonObject {
    const { log } = this.#options;
    return sanitizedConfig(this.#findings, log);
  }

  /** @throws CofferError `failed` when the configuration cannot be read: what it said before stays */
  async reload(part: string): Promise<void> {
    const error = await this.#inTurn(() => this.#reload(PARTS.find((each) => each === part) ?? 'all'));
    if (error !== undefined) throw error;
  }

  /** For a signal, which nobody answers: what fails is logged. */
  hangUp(): void {
    this.#inTurn(() => this.#reload('all')).catch((error: unknown) =>
      this.#logger.error('the reload failed', { error: errorText(error) }),
    );
  }

  /** Resolves when no reload is under way. */
  async settled(): Promise<void> {
    await this.#reloading;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#reloading.then(work);
    this.#reloading = result.catch(() => undefined);
    return result;
  }

  /** Resolves with the error when the configuration cannot be read; certificates are read again all the same. */
  async #reload(part: Part): Promise<CofferError | undefined> {
    const server = await this.#started.promise;
    if (part !== 'listener' && this.#options.log.reopen()) this.#logger.info('reopened the log file');
    const error = await this.#readAgain();
    if (error === undefined && part !== 'listener') this.#setLevels();
    if (part !== 'log') await server.reload(requireConfig(this.#findings));
    return error;
  }

  /** If it cannot be read, the previous one stays. */
  async #readAgain(): Promise<CofferError | undefined> {
    const { paths, env, log } = this.#options;
    const findings = await examineConfig(paths, env, log.ownPaths);
    try {
      requireConfig(findings);
    } catch (cause) {
      const message = 'failed to reload the configuration; the previous settings stay in force';
      this.#logger.error(message, { error: errorText(cause) });
      return new CofferError('failed', `${message}: ${errorText(cause)}`, { cause });
    }
    this.#findings = findings;
    this.#logger.info('reloaded the configuration', { files: paths.join(', ') });
    return undefined;
  }

  /** As in Vault, the level of the file counts from now on, whatever was said on the command line. */
  #setLevels(): void {
    const { loggers, requests } = this.#options.log;
    const { logLevel, logRequestsLevel } = requireConfig(this.#findings);
    requests.setLevel(logRequestsLevel);
    if (logLevel === undefined) return;
    loggers.configure(logLevel);
    this.#logger.info('log level set from the configuration', { level: logLevel });
  }
}
