import type { Logger } from '@coffer/base';
import { Health, HealthCheckResponse_ServingStatus } from './gen/health_pb.ts';
import { PluginMultiplexing } from './gen/multiplexing_pb.ts';
import { GRPCBroker, GRPCController, GRPCStdio } from './gen/plugin_pb.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { implementService, type PluginService, type StreamHandler } from './grpc-service.ts';
import type { HostStreams } from './host-streams.ts';
import { servedMethods } from './served-methods.ts';
import type { ServedMethods } from './server-call.ts';

/** The service name that go-plugin hosts ask the health of (hashicorp/go-plugin:grpc_server.go, GRPCServiceName). */
export const HEALTH_NAME = 'plugin';

/** The methods of a plugin: its own services, and those that every go-plugin has. */
export function pluginMethods(own: readonly PluginService[], ...host: Parameters<typeof hostServices>): ServedMethods {
  return servedMethods([...hostServices(...host), ...own]);
}

/** `shutdown` is called when the host asks the plugin to end. */
function hostServices(
  streams: HostStreams,
  multiplexed: boolean,
  logger: Logger,
  shutdown: () => void,
): readonly PluginService[] {
  const hold: StreamHandler = (stream) => streams.hold(stream);
  const services = [
    implementService(Health, { check: async ({ service }) => checkHealth(service) }, logger),
    implementService(
      GRPCController,
      {
        shutdown: async () => {
          // After the answer is on its way: the host waits for it.
          setImmediate(shutdown);
          return {};
        },
      },
      logger,
    ),
    implementService(GRPCStdio, { streamStdio: hold }, logger),
    implementService(GRPCBroker, { startStream: hold }, logger),
  ];
  if (!multiplexed) return services;
  const support = { multiplexingSupport: async () => ({ supported: true }) };
  return [...services, implementService(PluginMultiplexing, support, logger)];
}

function checkHealth(service: string): { status: HealthCheckResponse_ServingStatus } {
  if (service !== HEALTH_NAME && service !== '') throw new GrpcError(grpcStatus.NOT_FOUND, 'unknown service');
  return { status: HealthCheckResponse_ServingStatus.SERVING };
}
