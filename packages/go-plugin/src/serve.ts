import { rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CofferError, errorText, type Logger, randomFrom } from '@coffer/base';
import { createCertificate } from './certificate.ts';
import { GrpcServer } from './grpc-server.ts';
import type { PluginService } from './grpc-service.ts';
import { type Cookie, formatHandshake, negotiateVersion } from './handshake.ts';
import { HostStreams } from './host-streams.ts';
import type { ServedMethods } from './server-call.ts';

/** What a plugin serves under one protocol version. */
export interface VersionedServices {
  /** Whether one process serves many instances, told apart by the metadata key `multiplex_id`. */
  readonly multiplexed: boolean;
  readonly services: readonly PluginService[];
}

export interface ServeOptions {
  readonly cookie: Cookie;
  /**
   * By protocol version; only the one that host and plugin agree on is made, after the handshake: what it loads does
   * not delay the plugin's start. Calls that arrive before it resolves wait; when it rejects the process ends.
   */
  readonly versions: Readonly<Record<number, () => VersionedServices | Promise<VersionedServices>>>;
  /** Lines in hclog's JSON form on stderr; nothing may write to stdout. */
  readonly logger: Logger;
  /** Releases what the services hold, before the process ends. It gets less than a second. */
  readonly onStop?: () => Promise<void>;
}

const NOT_A_PROGRAM =
  'This binary is a plugin. These are not meant to be executed directly.\n' +
  'Please execute the program that consumes these plugins, which will\n' +
  'load any plugins automatically\n';

/** The host kills a plugin that is still there 2 s after Shutdown (hashicorp/go-plugin:client.go, Kill). */
const DRAIN_MS = 800;
const RELEASE_MS = 700;
const HOST_WATCH_MS = 500;

/** Read before anything else runs: a host that dies while we start must not be mistaken for init. */
const HOST_PID = process.ppid;

/**
 * Makes this process a go-plugin (hashicorp/go-plugin:server.go): checks the cookie, listens on a unix socket with
 * AutoMTLS when the host sent `PLUGIN_CLIENT_CERT`, prints the handshake line, and ends the process on Shutdown, on
 * SIGTERM and when the host is gone. Resolves when calls are answered.
 *
 * Without the cookie it prints go-plugin's text on stderr and exits with 1.
 * What this process prints on stdout from here on goes to stderr: stdout belongs to the handshake.
 *
 * @throws CofferError `failed` when the certificate is unusable or the socket cannot be made
 */
export async function serve(options: ServeOptions): Promise<void> {
  if (process.env[options.cookie.key] !== options.cookie.value) {
    writeSync(2, NOT_A_PROGRAM);
    process.exit(1);
  }
  const offered = Object.keys(options.versions).map(Number);
  const version = negotiateVersion(offered, process.env['PLUGIN_PROTOCOL_VERSIONS']);
  const streams = new HostStreams();
  const methods = Promise.withResolvers<ServedMethods>();
  const clientCertificate = process.env['PLUGIN_CLIENT_CERT'] ?? '';
  const certificate = clientCertificate === '' ? undefined : createCertificate();
  const server = new GrpcServer(methods.promise, certificate && { ...certificate, clientAuthority: clientCertificate });
  const stop = stopOnce(options, server, streams);

  const socketPath = newSocketPath();
  // Only a process.exit can be relied on to pass here, whatever the reason.
  process.on('exit', () => rmSync(socketPath, { force: true }));
  await listen(server, socketPath);
  endWithHost(options.logger, streams, stop);
  const handshake = {
    protocolVersion: version,
    socketPath,
    ...(certificate && { certificateDer: certificate.certificateDer }),
  };
  const brokerMultiplexingAsked = (process.env['PLUGIN_MULTIPLEX_GRPC'] ?? '') !== '';
  writeSync(1, `${formatHandshake(handshake, brokerMultiplexingAsked)}\n`);

  // Only now: these streams are slow to create, and nothing that could print is loaded before.
  process.stdout.write = process.stderr.write.bind(process.stderr);
  // A host that died closed the other end; there is nobody left to tell.
  process.stderr.on('error', () => undefined);
  // The host connects meanwhile.
  try {
    const shutdown = () => stop('the host asked for it');
    methods.resolve(await loadMethods(options, version, streams, shutdown));
  } catch (error) {
    options.logger.error('the plugin exits: it failed to load', { error: errorText(error) });
    process.exit(1);
  }
}

async function loadMethods(
  { versions, logger }: ServeOptions,
  version: number,
  streams: HostStreams,
  shutdown: () => void,
): Promise<ServedMethods> {
  const { pluginMethods } = await import('./plugin-services.ts');
  const { services, multiplexed } = (await versions[version]?.()) ?? { services: [], multiplexed: false };
  return pluginMethods(services, streams, multiplexed, logger, shutdown);
}

function newSocketPath(): string {
  const configured = process.env['PLUGIN_UNIX_SOCKET_DIR'] ?? '';
  return join(resolve(configured === '' ? tmpdir() : configured), `plugin${randomFrom('0123456789', 10)}`);
}

async function listen(server: GrpcServer, socketPath: string): Promise<void> {
  // Only the host's user may connect, from the socket's first moment on.
  const umask = process.umask(0o077);
  try {
    await server.listen(socketPath);
  } catch (error) {
    throw new CofferError('failed', `the plugin cannot listen on ${socketPath}: ${errorText(error)}`, { cause: error });
  } finally {
    process.umask(umask);
  }
}

/** The way out: no new calls, a moment for the running ones, then for `onStop`, then the end of the process. */
function stopOnce(options: ServeOptions, server: GrpcServer, streams: HostStreams): (reason: string) => void {
  let stopping = false;
  return (reason) => {
    if (stopping) return;
    stopping = true;
    options.logger.debug('the plugin exits', { reason });
    streams.endAll();
    const drained = server.drain();
    const end = async () => {
      await Promise.race([drained, delay(DRAIN_MS)]);
      server.destroy();
      if (options.onStop) await Promise.race([options.onStop(), delay(RELEASE_MS)]);
    };
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        options.logger.error('the plugin failed to release its resources', { error: errorText(error) });
        process.exit(1);
      },
    );
  };
}

/**
 * A host that is killed sends no Shutdown. Then our parent changes, and the connections close; only both together mean
 * that the host is gone (a host may also reattach to a plugin that it did not start).
 */
function endWithHost(logger: Logger, streams: HostStreams, stop: (reason: string) => void): void {
  setInterval(() => {
    if (process.ppid !== HOST_PID && !streams.anyOpen) stop('the host is gone');
  }, HOST_WATCH_MS).unref();
  // Ctrl-C in the host's terminal reaches us too; the host decides when we end.
  process.on('SIGINT', () => logger.trace('plugin received interrupt signal, ignoring'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('uncaughtException', (error) => {
    logger.error('the plugin exits: unhandled error', { error: error.stack ?? error.message });
    process.exit(1);
  });
}
