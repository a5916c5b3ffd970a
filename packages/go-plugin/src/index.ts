/**
 * HashiCorp's go-plugin protocol over gRPC, both ends (hashicorp/go-plugin): `serve` makes this process a plugin,
 * `launch` starts one as host. Knows nothing of what a plugin does.
 */
export { GrpcError, grpcStatus } from './grpc-error.ts';
export {
  implementService,
  type PluginService,
  type ServiceHandlers,
  type StreamHandler,
  type UnaryHandler,
} from './grpc-service.ts';
export type { RequestMetadata } from './grpc-headers.ts';
export type { OpenStream } from './server-call.ts';
export type { Cookie } from './handshake.ts';
export { launch, type LaunchOptions } from './launch.ts';
export type { CallOptions, PluginClient } from './plugin-client.ts';
export { isPluginGone, PluginGoneError } from './plugin-gone.ts';
export { serve, type ServeOptions, type VersionedServices } from './serve.ts';
