import { CofferError, currentDeadline, errorText, type Logger, Secret, withoutDeadline } from '@coffer/base';
import { GrpcError, grpcStatus, implementService, type PluginService } from '@coffer/go-plugin';
import type { Database, NewUserRequest, UpdateUserRequest } from './database.ts';
import type * as wire from './gen/database_pb.ts';
import { Database as DatabaseService } from './gen/database_pb.ts';
import { Logins } from './gen/logins_pb.ts';
import { Naming } from './gen/naming_pb.ts';
import { Redaction } from './gen/redaction_pb.ts';
import { Sessions } from './gen/sessions_pb.ts';
import { PluginVersion } from './gen/version_pb.ts';
import { type DatabaseOperation, pluginError } from './host-errors.ts';
import type { Instances } from './instances.ts';
import { dateFromTimestamp, GO_ZERO_TIME } from './timestamp.ts';

/**
 * The services of a database plugin, with the checks and texts of Vault's server layer
 * (hashicorp/vault:sdk/database/dbplugin/v5/grpc_server.go). `version` is empty or semantic with a leading `v`. The instances
 * and `logger` show no secret (see `Redaction`), and the host is told so.
 */
export function databaseServices(instances: Instances, version: string, logger: Logger): readonly PluginService[] {
  const guard = async <T>(operation: DatabaseOperation, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GrpcError)) logFailure(logger, operation, error);
      throw pluginError(operation, error);
    }
  };
  const database = implementService(
    DatabaseService,
    {
      initialize: (request, metadata) =>
        guard('initialize', async () => {
          const config = request.configData ?? {};
          const stored = await instances
            .obtain(metadata)
            .initialize({ config, verifyConnection: request.verifyConnection });
          // A copy: the wire's JSON type is the same but for `readonly`.
          return { configData: structuredClone(stored) as typeof config };
        }),
      newUser: (request, metadata) =>
        guard('newUser', async () => {
          const wanted = newUserRequest(request);
          const instance = instances.find(metadata);
          refuseOtherCredentials(request.credentialType);
          const warnings: string[] = [];
          const username = await instance.newUser({ ...wanted, warn: (warning) => warnings.push(warning) });
          // Its host gave up without learning of it, so nobody would ever drop it.
          if (currentDeadline()?.over === true) {
            logger.warn('a user was created after its request was abandoned: dropping it', { username });
            await withoutDeadline(() => instance.deleteUser({ username, statements: [] }));
          }
          return { username, warnings };
        }),
      updateUser: (request, metadata) =>
        guard('updateUser', async () => {
          const change = updateUserRequest(request);
          const instance = instances.find(metadata);
          refuseOtherCredentials(request.credentialType);
          if (request.selfManagedPassword !== '') {
            throw new CofferError('failed', 'self-managed static roles are not supported; let the root user rotate');
          }
          const warnings: string[] = [];
          await instance.updateUser({ ...change, warn: (warning) => warnings.push(warning) });
          return { warnings };
        }),
      deleteUser: (request, metadata) =>
        guard('deleteUser', async () => {
          const { username } = request;
          requireUsername(username);
          await instances.find(metadata).deleteUser({ username, statements: commands(request.statements) });
          return {};
        }),
      type: (_request, metadata) => guard('type', async () => ({ Type: await instances.obtain(metadata).type() })),
      close: (_request, metadata) =>
        guard('close', async () => {
          await instances.close(metadata);
          return {};
        }),
    },
    logger,
  );
  const naming = implementService(
    Naming,
    {
      nameUser: (request, metadata) =>
        guard('nameUser', async () => {
          const { displayName, roleName } = request;
          const username = await instances.find(metadata).nameUser?.({ displayName, roleName });
          if (username !== undefined) return { username };
          throw new GrpcError(grpcStatus.UNIMPLEMENTED, 'this plugin does not name users in advance');
        }),
    },
    logger,
  );
  const logins = implementService(
    Logins,
    {
      verifyUser: (request, metadata) =>
        guard('verifyUser', async () => {
          const { username, password } = request;
          requireUsername(username);
          const answer = await instances.find(metadata).verifyUser?.(username, new Secret(password));
          if (answer !== undefined) return { answer };
          throw new GrpcError(grpcStatus.UNIMPLEMENTED, 'this plugin does not verify logins');
        }),
    },
    logger,
  );
  const sessions = implementService(
    Sessions,
    {
      sessionMark: ({ statements }, metadata) =>
        guard('sessions', async () => {
          const instance = having(instances.find(metadata), 'sessionMark');
          return { mark: (await instance.sessionMark(statements)) ?? '' };
        }),
      endMarkedSessions: ({ mark }, metadata) =>
        guard('sessions', async () => {
          const instance = having(instances.find(metadata), 'endMarkedSessions');
          return { ended: (await instance.endMarkedSessions(mark)) ?? false };
        }),
      owedSessions: ({ username }, metadata) =>
        guard('sessions', async () => {
          requireUsername(username);
          const instance = having(instances.find(metadata), 'owedSessions');
          return { nodes: [...((await instance.owedSessions(username)) ?? [])] };
        }),
    },
    logger,
  );
  const redaction = implementService(Redaction, { redacts: async () => ({ redacts: true }) }, logger);
  const versions = implementService(PluginVersion, { version: async () => ({ pluginVersion: version }) }, logger);
  return [database, naming, logins, sessions, redaction, versions];
}

/** @throws GrpcError UNIMPLEMENTED where the database does not have the extension */
function having<K extends keyof Database>(database: Database, method: K): Database & Required<Pick<Database, K>> {
  if (has(database, method)) return database;
  throw new GrpcError(grpcStatus.UNIMPLEMENTED, `this plugin does not have ${method}`);
}

function has<K extends keyof Database>(
  database: Database,
  method: K,
): database is Database & Required<Pick<Database, K>> {
  return database[method] !== undefined;
}

/** The host only sees texts of deliberate errors; the log keeps those that are masked for it. */
function logFailure(logger: Logger, operation: DatabaseOperation, error: unknown): void {
  const { code, cause } = CofferError.from(error);
  if (code === 'internal') logger.error('unexpected failure', { operation, error: errorText(cause ?? error) });
}

function newUserRequest(request: wire.NewUserRequest): NewUserRequest {
  if (request.usernameConfig === undefined) throw new GrpcError(grpcStatus.INVALID_ARGUMENT, 'missing username config');
  const { displayName, roleName } = request.usernameConfig;
  return {
    usernameConfig: { displayName, roleName },
    ...(request.username !== '' && { username: request.username }),
    password: new Secret(request.password),
    expiration: parseTime(request.expiration, 'unable to parse expiration date') ?? GO_ZERO_TIME,
    statements: commands(request.statements),
    rollbackStatements: commands(request.rollbackStatements),
  };
}

function updateUserRequest(request: wire.UpdateUserRequest): UpdateUserRequest {
  const { username, password, expiration, publicKey } = request;
  requireUsername(username);
  const newExpiration = parseTime(expiration?.newExpiration, 'unable to parse new expiration');
  const newPassword = password?.newPassword ?? '';
  const expires = newExpiration !== undefined && newExpiration.getTime() !== GO_ZERO_TIME.getTime();
  if (newPassword === '' && !expires && (publicKey?.newPublicKey.length ?? 0) === 0) {
    throw new GrpcError(grpcStatus.INVALID_ARGUMENT, 'update user request has no changes');
  }
  return {
    username,
    ...(newPassword !== '' && {
      password: { newPassword: new Secret(newPassword), statements: commands(password?.statements) },
    }),
    ...(expires && { expiration: { newExpiration, statements: commands(expiration?.statements) } }),
  };
}

function requireUsername(username: string): void {
  if (username === '') throw new GrpcError(grpcStatus.INVALID_ARGUMENT, 'no username provided');
}

function parseTime(timestamp: Parameters<typeof dateFromTimestamp>[0] | undefined, what: string): Date | undefined {
  if (timestamp === undefined) return undefined;
  try {
    return dateFromTimestamp(timestamp);
  } catch (error) {
    throw new GrpcError(grpcStatus.INVALID_ARGUMENT, `${what}: ${errorText(error)}`);
  }
}

function commands(statements: wire.Statements | undefined): readonly string[] {
  return statements?.Commands ?? [];
}

/** Vault's names of the credential types (sdk/database/dbplugin/v5/credentialtype_enumer.go); passwords are 0. */
function refuseOtherCredentials(credentialType: number): void {
  if (credentialType === 0) return;
  const name = ['password', 'rsa_private_key', 'client_certificate'][credentialType] ?? String(credentialType);
  throw new CofferError('failed', `unsupported credential type: ${name}; YSQL supports only password`);
}
