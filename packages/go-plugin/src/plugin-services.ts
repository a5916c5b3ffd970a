import type { Logger } from '@coffer/base';
import { Health, HealthCheckResponse_ServingStatus } from './gen/health_pb.ts';
import { PluginMultiplexing } from './gen/multiplexing_pb.ts';
import { GRPCBroker, GRPCController, GRPCStdio } from './gen/plugin_pb.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { implementService, type OpenStream, type PluginService } from './grpc-service.ts';

/** The streams that a host keeps open for as long as it lives: as long as there is one, the host is there. */
export class HostStreams {
  readonly #open = new Set<OpenStream>();

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Keeps the stream open until the host ends it or goes away. Nothing is ever sent on it. */
  hold(stream: OpenStream): void {
    this.#open.add(stream);
    const release = () => this.#open.delete(stream);
    stream.once('cancelled', release);
    stream.once('close', release);
    stream.on('error', release);
    if ('resume' in stream) {
      stream.once('end', () => stream.end());
      stream.resume();
    }
  }

  endAll(): void {
    for (const stream of this.#open) stream.end();
    this.#open.clear();
  }
}

/** The service name that go-plugin hosts ask the health of (hashicorp/go-plugin:grpc_server.go, GRPCServiceName). */
const HEALTH_NAME = 'plugin';

/** The services that every go-plugin has, besides its own. `shutdown` is called when the host asks the plugin to end. */
export function hostServices(
  streams: HostStreams,
  multiplexed: boolean,
  logger: Logger,
  shutdown: () => void,
): readonly PluginService[] {
  const hold = (stream: OpenStream) => streams.hold(stream);
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
