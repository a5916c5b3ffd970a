import { inspect } from 'node:util';
import {
  CofferError,
  errorText,
  type Hidden,
  isCofferError,
  type Logger,
  type Metrics,
  redact,
  redactingLogger,
  type Secret,
} from '@coffer/base';
import { GrpcError, isPluginGone, PluginGoneError } from '@coffer/go-plugin';
import { ConnectionFields } from './connection-fields.ts';
import type { Database, DatabaseKind, Warn } from './database.ts';

const NOTHING: Hidden = { secrets: [], names: [] };

/** What one database has in use at the moment. */
interface InUse {
  config: Hidden;
  /** The latest password of a user whose name is in the configuration: it may be the one that the database logs in as. */
  rotated: readonly Secret[];
  /** New passwords of calls that are under way. */
  readonly calls: Set<Secret>;
}

/**
 * Takes the secrets of databases out of whatever leaves, once on each way out: out of an error or a warning when it leaves a
 * {@link database}, out of a log line when it is written to a {@link logger}. No other layer does it again. Answers are left
 * alone: a database answers with the name of a user or with the configuration, and a read of that shows only what is
 * declared harmless.
 *
 * The server has one for each built-in database, a plugin process of ours one for all the databases that it serves, and the host
 * one for each process of a foreign plugin. For a process of ours the host has none in use, since it redacts by itself.
 */
export class Redaction {
  readonly #open = new Set<InUse>();
  readonly #lingerMs: number;

  /**
   * `lingerMs`: how long after a call its password, and after the close of a database its configuration's secrets, may still
   * turn up in the log, in milliseconds. Default: 0.
   */
  constructor(lingerMs = 0) {
    this.#lingerMs = lingerMs;
  }

  /** Writes to `inner` without any secret that is in use when a line is written. */
  logger(inner: Logger): Logger {
    return redactingLogger(inner, () => ({
      secrets: [...this.#open].flatMap(({ config, rotated, calls }) => [...config.secrets, ...rotated, ...calls]),
      names: [...this.#open].flatMap(({ config }) => config.names),
    }));
  }

  /**
   * The same database, whose errors show neither the secrets of its configuration (with the admin's new password after a
   * rotation) nor the password of the call. Only texts change; error codes and classes of clean errors stay.
   */
  database(inner: Database, fields: ConnectionFields): Database {
    const inUse: InUse = { config: NOTHING, rotated: [], calls: new Set() };
    this.#open.add(inUse);
    const hidden = (names: readonly string[], password: Secret | undefined): Hidden => {
      const { config, rotated } = inUse;
      const secrets = [...config.secrets, ...rotated, ...(password === undefined ? [] : [password])];
      return { secrets, names: [...config.names, ...names] };
    };
    const clean = (warn: Warn, names: readonly string[], password: Secret | undefined): Warn => {
      return (warning) => warn(redact(warning, hidden(names, password)));
    };
    const guard = async <T>(work: () => Promise<T>, names: readonly string[] = [], password?: Secret): Promise<T> => {
      if (password !== undefined) inUse.calls.add(password);
      try {
        return await work();
      } catch (error) {
        throw redactError(error, hidden(names, password));
      } finally {
        if (password !== undefined) this.#afterwards(() => inUse.calls.delete(password));
      }
    };
    return {
      initialize: async (request) => {
        const given = fields.hidden(request.config);
        const previous = inUse.config;
        // While both are in use either may show up in an error.
        inUse.config = {
          secrets: [...given.secrets, ...previous.secrets],
          names: [...given.names, ...previous.names],
        };
        try {
          const stored = await guard(() => inner.initialize(request));
          inUse.config = given;
          inUse.rotated = [];
          return stored;
        } catch (error) {
          inUse.config = previous;
          throw error;
        }
      },
      newUser: (request) => {
        const { displayName, roleName } = request.usernameConfig;
        const names = [displayName, roleName, ...(request.username === undefined ? [] : [request.username])];
        const { password, warn } = request;
        const asked = warn === undefined ? request : { ...request, warn: clean(warn, names, password) };
        return guard(() => inner.newUser(asked), names, password);
      },
      updateUser: async (request) => {
        const { username, password, warn } = request;
        const newPassword = password?.newPassword;
        const asked = warn === undefined ? request : { ...request, warn: clean(warn, [username], newPassword) };
        await guard(() => inner.updateUser(asked), [username], newPassword);
        if (password !== undefined && inUse.config.names.includes(username)) inUse.rotated = [password.newPassword];
      },
      deleteUser: (request) => guard(() => inner.deleteUser(request), [request.username]),
      deleteUsers: (usernames) => guard(async () => (await inner.deleteUsers?.(usernames)) ?? [], usernames),
      type: () => guard(() => inner.type()),
      close: async () => {
        await guard(() => inner.close());
        this.#afterwards(() => this.#open.delete(inUse));
      },
      nameUser: (config) => guard(async () => inner.nameUser?.(config)),
      verifyUser: (username, password) =>
        guard(async () => inner.verifyUser?.(username, password), [username], password),
      sessionMark: (statements) => guard(async () => inner.sessionMark?.(statements)),
      endMarkedSessions: (mark) => guard(async () => inner.endMarkedSessions?.(mark)),
      owedSessions: (username) => guard(async () => inner.owedSessions?.(username), [username]),
    };
  }

  #afterwards(forget: () => void): void {
    if (this.#lingerMs === 0) forget();
    else setTimeout(forget, this.#lingerMs).unref();
  }
}

/** A new database of a kind, with its secrets in no error and no line of the log. */
export function openDatabase(kind: DatabaseKind, logger: Logger, metrics?: Metrics): Database {
  const redaction = new Redaction();
  return redaction.database(kind.create(redaction.logger(logger), metrics), ConnectionFields.declared(kind.fields));
}

/** The same error when no secret shows in it or in its cause, else one with the same code and a clean text. */
export function redactError(thrown: unknown, hidden: Hidden): unknown {
  if (!isCofferError(thrown)) {
    const cause = redactCause(thrown, hidden);
    return cause === thrown ? thrown : new CofferError('internal', 'internal error', { cause });
  }
  const message = redact(thrown.message, hidden);
  const cause = redactCause(thrown.cause, hidden);
  if (message === thrown.message && cause === thrown.cause) return thrown;
  // Its text is ours, and its class decides what the host makes of the failure.
  if (isPluginGone(thrown))
    return new PluginGoneError(thrown.outcomeUnknown, { cause, hung: thrown.hung, exit: thrown.exit });
  return new CofferError(thrown.code, message, { cause });
}

function redactStatus(status: GrpcError, hidden: Hidden): GrpcError {
  const details = redact(status.details, hidden);
  const cause = redactCause(status.cause, hidden);
  return details === status.details && cause === status.cause ? status : new GrpcError(status.code, details, { cause });
}

/** A driver's error can carry the statement in any of its fields, so everything a log could print is checked. */
function redactCause(cause: unknown, hidden: Hidden): unknown {
  // Its code decides what the host makes of the failure.
  if (cause instanceof GrpcError) return redactStatus(cause, hidden);
  const shown = inspect(cause, { depth: 8, maxStringLength: null });
  return redact(shown, hidden) === shown ? cause : new Error(redact(errorText(cause), hidden));
}
