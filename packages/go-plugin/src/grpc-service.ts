import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2';
import type { Logger } from '@coffer/base';
import type { RequestMetadata } from './grpc-headers.ts';
import type { OpenStream } from './server-call.ts';

/** Answers one call. Throws a GrpcError for a status; anything else is masked and logged. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  metadata: RequestMetadata,
) => Promise<MessageInitShape<O>>;

/** Holds a stream that the other end opened, until either end ends it. */
export type StreamHandler = (stream: OpenStream) => void;

export type ServiceHandlers<T extends GenServiceMethods> = {
  readonly [K in keyof T]: T[K] extends { methodKind: 'unary'; input: infer I; output: infer O }
    ? UnaryHandler<Extract<I, DescMessage>, Extract<O, DescMessage>>
    : StreamHandler;
};

/**
 * A service with its handlers, ready to be served. Data only: a plugin must not load protobuf before its handshake, and
 * importing this package loads this file too.
 */
export interface PluginService {
  readonly description: GenService<GenServiceMethods>;
  /** By the method's name in the description; its kind there tells which handler it is. */
  readonly handlers: Readonly<Record<string, UnaryHandler<DescMessage, DescMessage> | StreamHandler>>;
  readonly logger: Logger;
}

/** Ties handlers to a generated service description. `logger` gets everything a handler throws that is not a status. */
export function implementService<T extends GenServiceMethods>(
  service: GenService<T>,
  handlers: ServiceHandlers<T>,
  logger: Logger,
): PluginService {
  return { description: service, handlers, logger };
}
