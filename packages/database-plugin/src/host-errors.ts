import { CofferError, isNothingDone, isOutcomeUnknown, traced } from '@coffer/base';
import { GrpcError, grpcStatus, isPluginGone } from '@coffer/go-plugin';
import type { Database, NewUserRequest, UpdateUserRequest } from './database.ts';
import { pluginSpan } from './plugin-span.ts';

export type DatabaseOperation =
  | 'initialize'
  | 'newUser'
  | 'updateUser'
  | 'deleteUser'
  | 'type'
  | 'close'
  | 'nameUser'
  | 'verifyUser'
  | 'sessions';

/**
 * What Vault puts before a plugin's error: `plugin` inside the plugin process (sdk/database/dbplugin/v5/grpc_server.go),
 * `host` around the status that arrives (grpc_client.go there). `nameUser`, `verifyUser` and `sessions` are our extensions.
 */
const PREFIXES: Readonly<Record<DatabaseOperation, { readonly host: string; readonly plugin: string }>> = {
  initialize: { host: 'unable to initialize: ', plugin: 'failed to initialize: ' },
  newUser: { host: 'unable to create new user: ', plugin: 'unable to create new user: ' },
  updateUser: { host: 'unable to update user: ', plugin: 'unable to update user: ' },
  deleteUser: { host: 'unable to delete user: ', plugin: 'unable to delete user: ' },
  type: { host: 'unable to get database plugin type: ', plugin: 'unable to retrieve type: ' },
  close: { host: '', plugin: 'unable to close database plugin: ' },
  nameUser: { host: 'unable to name user: ', plugin: 'unable to name user: ' },
  verifyUser: { host: 'unable to verify user: ', plugin: 'unable to verify user: ' },
  sessions: { host: 'unable to look for sessions: ', plugin: 'unable to look for sessions: ' },
};

/**
 * The status that a plugin answers for what a Database threw: Internal with Vault's text, a bug's text masked. Failures that are
 * `unavailable` have statuses of their own, so that our own host can tell them apart: Aborted when nothing was done and the same
 * may succeed later, Canceled when it may still take effect, Unknown when something may have been left behind.
 */
export function pluginError(operation: DatabaseOperation, thrown: unknown): GrpcError {
  if (thrown instanceof GrpcError) return thrown;
  const error = CofferError.from(thrown);
  const text = error.code === 'internal' ? 'internal error' : error.message;
  const code = error.code === 'unavailable' ? unavailableStatus(error) : grpcStatus.INTERNAL;
  return new GrpcError(code, `${PREFIXES[operation].plugin}${text}`, { cause: thrown });
}

function unavailableStatus(error: CofferError): grpcStatus {
  if (isNothingDone(error)) return grpcStatus.ABORTED;
  return isOutcomeUnknown(error) ? grpcStatus.CANCELLED : grpcStatus.UNKNOWN;
}

/** Statuses by which the plugin itself says no, and that it left nothing behind. */
const REFUSALS: readonly number[] = [grpcStatus.INTERNAL, grpcStatus.INVALID_ARGUMENT, grpcStatus.UNIMPLEMENTED];

/**
 * What the host makes of a failed call: `failed`, or `unavailable` when something may have been made or changed all the same,
 * with Go's text of the status.
 * A plugin that is gone stays as it is. `timeoutMs` is the deadline that the call had.
 */
export function hostError(operation: DatabaseOperation, thrown: unknown, timeoutMs?: number): CofferError {
  if (isPluginGone(thrown) || !(thrown instanceof GrpcError)) return CofferError.from(thrown);
  const code = REFUSALS.includes(thrown.code) ? 'failed' : 'unavailable';
  const late =
    thrown.code === grpcStatus.DEADLINE_EXCEEDED && timeoutMs !== undefined
      ? `: the plugin gave no answer in ${Math.round(timeoutMs / 100) / 10} s, so the outcome is unknown`
      : '';
  return new CofferError(code, `${PREFIXES[operation].host}${thrown.message}${late}`, { cause: thrown });
}

/** Whether the plugin itself has said that what it began may still take effect: a plugin that said nothing is another matter. */
export function saysMayLand(thrown: unknown): boolean {
  return (
    thrown instanceof CofferError && thrown.cause instanceof GrpcError && thrown.cause.code === grpcStatus.CANCELLED
  );
}

/** What Vault's client refuses before it asks the plugin (sdk/database/dbplugin/v5/grpc_client.go). */
export function checkNewUser(request: NewUserRequest): void {
  if (request.password.reveal() === '') throw new CofferError('invalid-request', 'missing password credential');
}

export function checkUpdateUser(request: UpdateUserRequest): void {
  checkUsername(request);
  const newPassword = request.password?.newPassword.reveal() ?? '';
  if (newPassword === '' && request.expiration === undefined)
    throw new CofferError('invalid-request', 'missing changes');
}

export function checkUsername(request: { readonly username: string }): void {
  if (request.username === '') throw new CofferError('invalid-request', 'missing username');
}

/**
 * A Database of this process that fails with the very texts it would have over go-plugin: what a client sees does not
 * depend on where the plugin runs (DESIGN invariant 8). Failures are `failed` or `unavailable`, as a status tells no more.
 */
export function withHostErrors(database: Database): Database {
  const guard = async <T>(operation: DatabaseOperation, work: () => Promise<T>): Promise<T> => {
    try {
      return await traced(() => pluginSpan(operation), work);
    } catch (error) {
      throw hostError(operation, pluginError(operation, error));
    }
  };
  return {
    initialize: (request) => guard('initialize', () => database.initialize(request)),
    newUser: async (request) => {
      checkNewUser(request);
      return guard('newUser', () => database.newUser(request));
    },
    updateUser: async (request) => {
      checkUpdateUser(request);
      return guard('updateUser', () => database.updateUser(request));
    },
    deleteUser: async (request) => {
      checkUsername(request);
      return guard('deleteUser', () => database.deleteUser(request));
    },
    deleteUsers: (usernames) => guard('deleteUser', async () => (await database.deleteUsers?.(usernames)) ?? []),
    type: () => guard('type', () => database.type()),
    close: () => guard('close', () => database.close()),
    nameUser: (config) => guard('nameUser', async () => database.nameUser?.(config)),
    verifyUser: (username, password) => guard('verifyUser', async () => database.verifyUser?.(username, password)),
    sessionMark: (statements) => guard('sessions', async () => database.sessionMark?.(statements)),
    endMarkedSessions: (mark) => guard('sessions', async () => database.endMarkedSessions?.(mark)),
    owedSessions: (username) => guard('sessions', async () => database.owedSessions?.(username)),
  };
}
