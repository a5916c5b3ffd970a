import { setTimeout as delay } from 'node:timers/promises';
import { create, type DescMessage, type DescMethodUnary, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { errorText, type Logger } from '@coffer/base';
import type { PluginChild } from './child-process.ts';
import { Health } from './gen/health_pb.ts';
import { PluginMultiplexing } from './gen/multiplexing_pb.ts';
import { GRPCController, GRPCStdio } from './gen/plugin_pb.ts';
import type { GrpcClient } from './grpc-client.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { PluginGoneError } from './plugin-gone.ts';
import { HEALTH_NAME } from './plugin-services.ts';
import { methodPath } from './served-methods.ts';

/** What Go's host gives a plugin to end by itself (hashicorp/go-plugin:client.go, Kill). */
const SHUTDOWN_MS = 2000;
/** A dying process loses its connections a moment before we hear of its end. */
const EXIT_NEWS_MS = 1000;
/** How long a process that missed a call's deadline may take to answer a health check. */
const HEALTH_MS = 5000;

export interface CallOptions {
  /** Request metadata, by lower-case key. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * After this long the call rejects with DEADLINE_EXCEEDED; a process that then does not even answer a health check is
   * ended. Without it, it may take as long as it takes.
   */
  readonly timeoutMs?: number;
}

/** The host's end of one running plugin process. */
export class PluginClient {
  readonly protocolVersion: number;
  readonly pid: number;
  readonly #child: PluginChild;
  readonly #client: GrpcClient;
  readonly #logger: Logger;
  #multiplexing = false;
  #killing: Promise<void> | undefined;

  constructor(protocolVersion: number, child: PluginChild, client: GrpcClient, logger: Logger) {
    this.protocolVersion = protocolVersion;
    this.pid = child.pid;
    this.#child = child;
    this.#client = client;
    this.#logger = logger;
    this.onExit(() => client.close());
  }

  /** Whether the process serves many instances, told apart by the metadata key `multiplex_id`. */
  get multiplexing(): boolean {
    return this.#multiplexing;
  }

  /** True from the moment the process has ended, by itself or by {@link kill}. */
  get exited(): boolean {
    return this.#child.hasEnded;
  }

  /** Calls back once when the process has ended; also when it has already. */
  onExit(callback: () => void): void {
    this.#child.ended.then(callback).catch((error: unknown) => {
      this.#logger.error('a callback of a plugin exit failed', { error: errorText(error) });
    });
  }

  /** Opens the stream of the plugin's output and asks for multiplexing. Called once, by `launch`. */
  async open(timeoutMs: number): Promise<void> {
    this.#readOutput();
    try {
      this.#multiplexing = (
        await this.call(PluginMultiplexing.method.multiplexingSupport, {}, { timeoutMs })
      ).supported;
    } catch (error) {
      if (!(error instanceof GrpcError) || error.code !== grpcStatus.UNIMPLEMENTED) throw error;
    }
  }

  /**
   * One unary call.
   *
   * @throws GrpcError with the plugin's status
   * @throws PluginGoneError when the process has ended, before or during the call, or hung and was ended
   */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    if (this.#child.hasEnded) throw new PluginGoneError(false, { exit: this.#child.exit });
    try {
      return await this.#unary(method, request, options);
    } catch (error) {
      if (error instanceof GrpcError && error.code === grpcStatus.UNAVAILABLE) {
        await Promise.race([this.#child.ended, delay(EXIT_NEWS_MS, undefined, { ref: false })]);
      }
      const late = error instanceof GrpcError && error.code === grpcStatus.DEADLINE_EXCEEDED;
      if (late) await this.#endIfHung();
      if (this.#child.hasEnded) {
        throw new PluginGoneError(true, { cause: error, hung: late, exit: this.#child.exit });
      }
      throw error;
    }
  }

  /** A process that hangs (stopped, or in an endless loop) would block every later call as well. */
  async #endIfHung(): Promise<void> {
    try {
      await this.#unary(Health.method.check, { service: HEALTH_NAME }, { timeoutMs: HEALTH_MS });
    } catch (error) {
      // Any other status is an answer too.
      if (!(error instanceof GrpcError) || error.code !== grpcStatus.DEADLINE_EXCEEDED) return;
      this.#logger.error('the plugin stopped answering: ending its process', { pid: this.pid });
      this.#child.kill();
      await this.#child.ended;
    }
  }

  /** Ends the process: Shutdown, and SIGKILL when it is still there after 2 s. Idempotent; never rejects. */
  kill(): Promise<void> {
    this.#killing ??= this.#end();
    return this.#killing;
  }

  async #end(): Promise<void> {
    const timer = new AbortController();
    const patience = delay(SHUTDOWN_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    // The answer may be cut off by the end that it announces; the end itself is what counts.
    const asked = this.#unary(GRPCController.method.shutdown, {}, { timeoutMs: SHUTDOWN_MS }).catch(() => undefined);
    await Promise.race([this.#child.ended, patience]);
    timer.abort();
    if (!this.#child.hasEnded) {
      this.#logger.warn('plugin failed to exit gracefully', { pid: this.pid });
      this.#child.kill();
    }
    await Promise.all([this.#child.ended, asked]);
  }

  async #unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions,
  ): Promise<MessageShape<O>> {
    const message = toBinary(method.input, create(method.input, request));
    const answer = await this.#client.unary(methodPath(method), message, options);
    try {
      return fromBinary(method.output, answer);
    } catch (error) {
      // Not INTERNAL: that would mean that the plugin refused, and here the outcome is unknown.
      throw new GrpcError(grpcStatus.UNKNOWN, `the answer cannot be read: ${errorText(error)}`, { cause: error });
    }
  }

  /** What a Go plugin prints after its handshake comes over this stream; it stalls when nobody reads it. */
  #readOutput(): void {
    const { streamStdio } = GRPCStdio.method;
    const print = (message: Buffer) => {
      const text = Buffer.from(fromBinary(streamStdio.output, message).data).toString('utf8').trimEnd();
      if (text !== '') this.#logger.debug(text, { pid: this.pid });
    };
    const request = toBinary(streamStdio.input, create(streamStdio.input));
    // Ends with the process, or at once when an old plugin has no such service.
    this.#client.read(methodPath(streamStdio), request, print).catch((error: unknown) => {
      this.#logger.trace('plugin output stream ended', { error: errorText(error) });
    });
  }
}
