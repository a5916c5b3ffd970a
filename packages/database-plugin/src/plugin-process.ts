import { CofferError, randomBase62 } from '@coffer/base';
import { GrpcError, grpcStatus, launch, type LaunchOptions, type PluginClient } from '@coffer/go-plugin';
import { ConnectionFields } from './connection-fields.ts';
import { CALL_DEADLINE_MS, ConnectedDatabase, type ConnectedProcess } from './connect-database.ts';
import type { Database } from './database.ts';
import { Redaction as RedactionService } from './gen/redaction_pb.ts';
import { PluginVersion } from './gen/version_pb.ts';
import { hostError } from './host-errors.ts';
import { Redaction } from './redaction.ts';
import { DATABASE_COOKIE } from './serve-database.ts';

export interface LaunchDatabaseOptions extends Omit<LaunchOptions, 'cookie' | 'protocolVersions'> {
  /** What the plugin is told about its host: the version of Vault whose contract we keep. Default `1.21.4`. */
  readonly hostVersion?: string;
  /** Tells the plugin that it only gets asked about itself (registration). Default false. */
  readonly metadataMode?: boolean;
  /** False asks for one process for each Database. Default true: many in one, where the plugin can. */
  readonly multiplexing?: boolean;
  /** The longest that a call may take, in milliseconds. Default: 110 s. */
  readonly callDeadlineMs?: number;
  /** What is secret in its configurations. Default: all of them. */
  readonly fields?: ConnectionFields;
}

/** For a question about the plugin itself. */
const QUESTION_MS = 10_000;

/** A line that a foreign plugin wrote before its answer may arrive after it. */
const LOG_MS = 5_000;

/** One running process of a database plugin, ours or a foreign one, with the Databases opened in it. */
export class PluginProcess {
  readonly #client: PluginClient;
  readonly #shared: ConnectedProcess;
  readonly #open = new Set<symbol>();
  readonly #guard: (database: Database) => Database;
  #isKilled = false;

  private constructor(client: PluginClient, deadlineMs: number, guard: (database: Database) => Database) {
    this.#client = client;
    this.#guard = guard;
    this.#shared = { client, deadlineMs, canName: undefined, canVerify: undefined, canMark: undefined };
  }

  /**
   * Starts the plugin and connects to it.
   *
   * @throws CofferError `failed`, see `launch` of `@coffer/go-plugin`
   */
  static async launch(options: LaunchDatabaseOptions): Promise<PluginProcess> {
    const {
      hostVersion = '1.21.4',
      metadataMode = false,
      multiplexing = true,
      callDeadlineMs = CALL_DEADLINE_MS,
      fields = ConnectionFields.foreign([]),
      env = {},
      ...rest
    } = options;
    const hostEnv = {
      VAULT_VERSION: hostVersion,
      VAULT_PLUGIN_METADATA_MODE: String(metadataMode),
      VAULT_PLUGIN_AUTOMTLS_ENABLED: 'true',
    };
    const redaction = new Redaction(LOG_MS);
    const client = await launch({
      ...rest,
      logger: redaction.logger(rest.logger),
      env: { ...env, ...hostEnv },
      cookie: DATABASE_COOKIE,
      protocolVersions: multiplexing ? [5, 6] : [5],
    });
    const byItself = await redacts(client);
    return new PluginProcess(client, callDeadlineMs, (database) =>
      byItself ? database : redaction.database(database, fields),
    );
  }

  /** Whether {@link open} may be called more than once. */
  get multiplexing(): boolean {
    return this.#client.multiplexing;
  }

  get pid(): number {
    return this.#client.pid;
  }

  /** True once the process has ended; its Databases then reject with an error that `isPluginGone` knows. */
  get exited(): boolean {
    return this.#client.exited;
  }

  /** True once the process has ended, or is being ended: nothing is to be opened in it. */
  get ending(): boolean {
    return this.#isKilled || this.exited;
  }

  /** Calls back once when the process has ended; also when it has already. */
  onExit(callback: () => void): void {
    this.#client.onExit(callback);
  }

  /**
   * A new Database in this process; no secret shows in its errors. Closing the last one ends the process, as Vault
   * does. Without {@link multiplexing} there is only one.
   *
   * @throws CofferError `internal` when a second one is opened in a process that is not multiplexed
   */
  open(): Database {
    if (!this.multiplexing && this.#open.size > 0) {
      throw new CofferError('internal', `plugin process ${this.pid} serves one database only`);
    }
    const key = Symbol('database');
    this.#open.add(key);
    const multiplexId = this.multiplexing ? randomBase62(20) : undefined;
    const release = async () => {
      this.#open.delete(key);
      if (this.#open.size === 0) await this.kill();
    };
    return this.#guard(new ConnectedDatabase(this.#shared, multiplexId, release));
  }

  /** The version that the plugin reports, empty when none (as the original ysql-plugin). */
  async version(): Promise<string> {
    try {
      return (await this.#client.call(PluginVersion.method.version, {}, { timeoutMs: QUESTION_MS })).pluginVersion;
    } catch (error) {
      if (error instanceof GrpcError && error.code === grpcStatus.UNIMPLEMENTED) return '';
      throw hostError('type', error);
    }
  }

  /** Ends the process: politely, and with SIGKILL when it is still there after 2 s. Idempotent; never rejects. */
  kill(): Promise<void> {
    this.#isKilled = true;
    return this.#client.kill();
  }
}

/**
 * Whether the plugin keeps secrets out of its errors and its log itself, as ours do. A plugin that cannot say so is
 * assumed not to.
 */
async function redacts(client: PluginClient): Promise<boolean> {
  try {
    return (await client.call(RedactionService.method.redacts, {}, { timeoutMs: QUESTION_MS })).redacts;
  } catch {
    return false;
  }
}
