import { create, type DescMessage, type DescMethod, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2';
import { errorText, type Logger } from '@coffer/base';
import type * as grpc from '@grpc/grpc-js';
import { GrpcError, grpcStatus } from './grpc-error.ts';

/** The headers of a call, by lower-case key. */
export interface RequestMetadata {
  get(key: string): readonly (string | Buffer)[];
}
/** A stream that the other end opened. */
export type OpenStream = grpc.ServerWritableStream<Message, Message> | grpc.ServerDuplexStream<Message, Message>;
/** Answers one call. Throws {@link GrpcError} for a status; anything else is masked and logged. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  metadata: RequestMetadata,
) => Promise<MessageInitShape<O>>;

export type ServiceHandlers<T extends GenServiceMethods> = {
  readonly [K in keyof T]: T[K] extends { methodKind: 'unary'; input: infer I; output: infer O }
    ? UnaryHandler<Extract<I, DescMessage>, Extract<O, DescMessage>>
    : (stream: OpenStream) => void;
};

/** A service with its handlers, ready to be served. */
export interface PluginService {
  readonly definition: grpc.ServiceDefinition;
  readonly implementation: grpc.UntypedServiceImplementation;
}

/** Ties handlers to a generated service description. `logger` gets what a handler throws that is no status. */
export function implementService<T extends GenServiceMethods>(
  service: GenService<T>,
  handlers: ServiceHandlers<T>,
  logger: Logger,
): PluginService {
  const definition: Record<string, grpc.MethodDefinition<Message, Message>> = {};
  const implementation: grpc.UntypedServiceImplementation = {};
  // The generated types prove each handler's shape to the caller; from here on the loop only knows method names.
  const byName = handlers as Readonly<Record<string, (...args: never[]) => unknown>>;
  for (const method of service.methods) {
    const handler = byName[method.localName];
    if (handler === undefined) continue;
    definition[method.localName] = grpcMethod(method);
    implementation[method.localName] =
      method.methodKind === 'unary'
        ? unaryHandler(method, handler as UnaryHandler<DescMessage, DescMessage>, logger)
        : (handler as grpc.handleServerStreamingCall<Message, Message>);
  }
  return { definition, implementation };
}

/** A generated method description as grpc-js takes it, with protobuf-es as codec. */
export function grpcMethod(method: DescMethod): grpc.MethodDefinition<Message, Message> {
  const requestStream = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  const responseStream = method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming';
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream,
    responseStream,
    requestSerialize: serializer(method.input),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: serializer(method.output),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function serializer(schema: DescMessage): (message: Message) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function unaryHandler(
  method: DescMethod,
  handler: UnaryHandler<DescMessage, DescMessage>,
  logger: Logger,
): grpc.handleUnaryCall<Message, Message> {
  return (call, callback) => {
    const answer = async () => create(method.output, await handler(call.request, call.metadata));
    answer().then(
      (message) => callback(null, message),
      (thrown: unknown) => callback(statusOf(thrown, method, logger)),
    );
  };
}

function statusOf(thrown: unknown, method: DescMethod, logger: Logger): { code: grpc.status; details: string } {
  if (thrown instanceof GrpcError) return { code: thrown.code, details: thrown.details };
  logger.error('a call failed unexpectedly', { method: method.name, error: errorText(thrown) });
  return { code: grpcStatus.UNKNOWN, details: 'internal error' };
}
