import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import {
  CofferError,
  type JsonObject,
  requireTime,
  type Secret,
  timeLeft,
  traced,
  withoutDeadline,
} from '@coffer/base';
import { GrpcError, grpcStatus, isPluginGone, type PluginClient, PluginGoneError } from '@coffer/go-plugin';
import type { Database, DeleteUserRequest, InitializeRequest, LoginAnswer, NewUserRequest } from './database.ts';
import type { UpdateUserRequest, UsernameConfig } from './database.ts';
import { Database as DatabaseService } from './gen/database_pb.ts';
import { Logins } from './gen/logins_pb.ts';
import { Naming } from './gen/naming_pb.ts';
import { Sessions } from './gen/sessions_pb.ts';
import { checkNewUser, checkUpdateUser, checkUsername, type DatabaseOperation, hostError } from './host-errors.ts';
import { MULTIPLEX_ID } from './instances.ts';
import { pluginSpan } from './plugin-span.ts';
import { timestampFromDate } from './timestamp.ts';

/** Type and Close touch no database that could be slow for good reasons. Vault gives them 1 s. */
const SHORT_CALL_MS = 10_000;

/**
 * The caller holds a claim or a lock while it waits. Longer than our own plugin keeps retrying (60 s) and its last
 * statement may take (30 s), shorter than the host's claim on a lease (120 s).
 */
export const CALL_DEADLINE_MS = 110_000;

/** What the instances of one process share. */
export interface ConnectedProcess {
  readonly client: PluginClient;
  /** The longest that a call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Whether the plugin has our naming extension; unknown until it was asked. */
  canName: boolean | undefined;
  /** Likewise for the extension that verifies a login. */
  canVerify: boolean | undefined;
  /** Likewise for the extension that deals with sessions. */
  canMark: boolean | undefined;
}

/** A Database in another process (hashicorp/vault:sdk/database/dbplugin/v5/grpc_client.go). */
export class ConnectedDatabase implements Database {
  readonly #process: ConnectedProcess;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #onClose: () => Promise<void>;
  #closing: Promise<void> | undefined;

  /** `multiplexId` is undefined for a plugin that serves one instance only. `onClose` runs once, whatever Close answers. */
  constructor(connected: ConnectedProcess, multiplexId: string | undefined, onClose: () => Promise<void>) {
    this.#process = connected;
    this.#metadata = multiplexId === undefined ? {} : { [MULTIPLEX_ID]: multiplexId };
    this.#onClose = onClose;
  }

  async initialize(request: InitializeRequest): Promise<JsonObject> {
    const { config, verifyConnection } = request;
    // A copy: the wire's JSON type is the same but for `readonly`.
    const configData = structuredClone(config) as NonNullable<MessageShape<Initialize>['configData']>;
    const answer = await this.#call('initialize', DatabaseService.method.initialize, { configData, verifyConnection });
    return answer.configData ?? {};
  }

  async newUser(request: NewUserRequest): Promise<string> {
    checkNewUser(request);
    const answer = await this.#call('newUser', DatabaseService.method.newUser, {
      usernameConfig: request.usernameConfig,
      password: request.password.reveal(),
      expiration: timestampFromDate(request.expiration),
      statements: { Commands: [...request.statements] },
      rollbackStatements: { Commands: [...request.rollbackStatements] },
      ...(request.username !== undefined && { username: request.username }),
    });
    for (const warning of answer.warnings) request.warn?.(warning);
    return answer.username;
  }

  async updateUser(request: UpdateUserRequest): Promise<void> {
    checkUpdateUser(request);
    const { username, password, expiration } = request;
    const answer = await this.#call('updateUser', DatabaseService.method.updateUser, {
      username,
      ...(password && {
        password: { newPassword: password.newPassword.reveal(), statements: { Commands: [...password.statements] } },
      }),
      ...(expiration && {
        expiration: {
          newExpiration: timestampFromDate(expiration.newExpiration),
          statements: { Commands: [...expiration.statements] },
        },
      }),
    });
    for (const warning of answer.warnings) request.warn?.(warning);
  }

  async deleteUser(request: DeleteUserRequest): Promise<void> {
    checkUsername(request);
    const { username, statements } = request;
    await this.#call('deleteUser', DatabaseService.method.deleteUser, {
      username,
      statements: { Commands: [...statements] },
    });
  }

  async type(): Promise<string> {
    return (await this.#call('type', DatabaseService.method.type, {}, SHORT_CALL_MS)).Type;
  }

  /** Undefined when the plugin does not have the extension: a foreign one answers UNIMPLEMENTED, once. */
  async nameUser(config: UsernameConfig): Promise<string | undefined> {
    if (this.#process.canName === false) return undefined;
    try {
      const { username } = await this.#call('nameUser', Naming.method.nameUser, config);
      this.#process.canName = true;
      return username;
    } catch (error) {
      // Naming changes nothing, so it may be repeated whether or not it had reached the process.
      if (isPluginGone(error)) throw new PluginGoneError(false, { cause: error });
      if (!unimplemented(error)) throw error;
      this.#process.canName = false;
      return undefined;
    }
  }

  /** Undefined when the plugin does not have the extension, as {@link nameUser}. */
  async verifyUser(username: string, password: Secret): Promise<LoginAnswer | undefined> {
    checkUsername({ username });
    if (this.#process.canVerify === false) return undefined;
    try {
      const request = { username, password: password.reveal() };
      const { answer } = await this.#call('verifyUser', Logins.method.verifyUser, request);
      this.#process.canVerify = true;
      return parseLoginAnswer(answer);
    } catch (error) {
      if (!unimplemented(error)) throw error;
      this.#process.canVerify = false;
      return undefined;
    }
  }

  async sessionMark(statements: readonly string[]): Promise<string | undefined> {
    const answer = await this.#aboutSessions(Sessions.method.sessionMark, { statements: [...statements] });
    return answer?.mark === '' ? undefined : answer?.mark;
  }

  async endMarkedSessions(mark: string): Promise<boolean | undefined> {
    return (await this.#aboutSessions(Sessions.method.endMarkedSessions, { mark }))?.ended;
  }

  async owedSessions(username: string): Promise<readonly string[] | undefined> {
    return (await this.#aboutSessions(Sessions.method.owedSessions, { username }))?.nodes;
  }

  /** Undefined when the plugin does not have the extension, as {@link nameUser}. */
  async #aboutSessions<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O> | undefined> {
    if (this.#process.canMark === false) return undefined;
    try {
      const answer = await this.#call('sessions', method, request);
      this.#process.canMark = true;
      return answer;
    } catch (error) {
      // None of these makes or changes a user, so each may be repeated.
      if (isPluginGone(error)) throw new PluginGoneError(false, { cause: error });
      if (!unimplemented(error)) throw error;
      this.#process.canMark = false;
      return undefined;
    }
  }

  close(): Promise<void> {
    this.#closing ??= withoutDeadline(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#call('close', DatabaseService.method.close, {}, SHORT_CALL_MS);
    } catch (error) {
      // The end of the process closed everything.
      if (!isPluginGone(error)) throw error;
    } finally {
      await this.#onClose();
    }
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    operation: DatabaseOperation,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    mostMs = this.#process.deadlineMs,
  ): Promise<MessageShape<O>> {
    requireTime();
    const timeoutMs = Math.max(1, Math.round(timeLeft(mostMs)));
    try {
      // The plugin hears nothing of the trace: it may be anybody's.
      return await traced(
        () => pluginSpan(operation, `${method.parent.typeName}/${method.name}`),
        () => this.#process.client.call(method, request, { metadata: this.#metadata, timeoutMs }),
      );
    } catch (error) {
      throw hostError(operation, error, timeoutMs);
    }
  }
}

function unimplemented(error: unknown): boolean {
  const status = error instanceof CofferError ? error.cause : undefined;
  return status instanceof GrpcError && status.code === grpcStatus.UNIMPLEMENTED;
}

function parseLoginAnswer(answer: string): LoginAnswer {
  if (answer === 'accepted' || answer === 'refused' || answer === 'trusted') return answer;
  throw new CofferError('failed', `unable to verify user: the plugin answered ${JSON.stringify(answer)}`);
}

type Initialize = typeof DatabaseService.method.initialize.input;
