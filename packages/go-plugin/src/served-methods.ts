import { create, type DescMessage, type DescMethod, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { errorText, type Logger } from '@coffer/base';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import type { PluginService, StreamHandler, UnaryHandler } from './grpc-service.ts';
import type { ServedMethod, ServedMethods } from './server-call.ts';

/** The path of a method in a call. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** The methods of services by path, with protobuf-es as codec, as a server needs them. */
export function servedMethods(services: readonly PluginService[]): ServedMethods {
  const methods = new Map<string, ServedMethod>();
  for (const { description, handlers, logger } of services) {
    for (const method of description.methods) {
      const handler = handlers[method.localName];
      if (handler !== undefined) methods.set(methodPath(method), served(method, handler, logger));
    }
  }
  return methods;
}

function served(method: DescMethod, handler: PluginService['handlers'][string], logger: Logger): ServedMethod {
  // `implementService` proved the handler's type by the method's kind.
  if (method.methodKind === 'unary') {
    return unary(method, handler as UnaryHandler<DescMessage, DescMessage>, logger);
  }
  const endsWithCaller = method.methodKind !== 'server_streaming';
  return { kind: 'held', endsWithCaller, hold: handler as StreamHandler };
}

function unary(method: DescMethod, handler: UnaryHandler<DescMessage, DescMessage>, logger: Logger): ServedMethod {
  return {
    kind: 'unary',
    async answer(bytes, metadata) {
      const request = decode(method.input, bytes);
      try {
        return toBinary(method.output, create(method.output, await handler(request, metadata)));
      } catch (error) {
        if (error instanceof GrpcError) throw error;
        logger.error('a call failed unexpectedly', { method: method.name, error: errorText(error) });
        throw new GrpcError(grpcStatus.UNKNOWN, 'internal error', { cause: error });
      }
    },
  };
}

/** Go's text and code (grpc/grpc-go:rpc_util.go, recv). */
function decode<T extends DescMessage>(schema: T, bytes: Uint8Array): MessageShape<T> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    const text = `grpc: failed to unmarshal the received message: ${errorText(error)}`;
    throw new GrpcError(grpcStatus.INTERNAL, text, { cause: error });
  }
}
