import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CofferError, errorText, type FileTrust, type Logger } from '@coffer/base';
import { type Certificate, createCertificate } from './certificate.ts';
import { PluginChild } from './child-process.ts';
import { resolveCommand } from './command.ts';
import { type Executable, startVerified } from './executable.ts';
import { GrpcClient } from './grpc-client.ts';
import { type Cookie, handshakeAuthority, parseHandshake } from './handshake.ts';
import { PluginClient } from './plugin-client.ts';

export interface LaunchOptions {
  /** The plugin directory; nothing outside it is ever started. */
  readonly directory: string;
  /** A file name in `directory`. */
  readonly path: string;
  /**
   * The SHA-256 of the file in hexadecimal: what is started has exactly this checksum. Without it the file is trusted
   * as it is.
   */
  readonly sha256?: string;
  /** Who may own the file and its directory, and in which mode. Default: us and root, writable for nobody else. */
  readonly trust?: FileTrust;
  readonly args?: readonly string[];
  /** Beside the few variables that plugins inherit; beats them. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cookie: Cookie;
  /** The protocol versions that the caller can speak. */
  readonly protocolVersions: readonly number[];
  /** Gets the plugin's own log lines too, at their level. */
  readonly logger: Logger;
  /** How long the plugin may take to print its handshake line. Default: 60 s, as go-plugin. */
  readonly startTimeoutMs?: number;
}

/**
 * Starts a plugin and connects to it with AutoMTLS (hashicorp/go-plugin:client.go). The process ends with
 * {@link PluginClient.kill}, by itself, or with this process.
 *
 * @throws CofferError `failed`: `cannot execute files outside of configured plugin directory`, `checksums did not match`,
 * who else could have changed the file, or why the plugin did not start, with what it said on stderr
 */
export async function launch(options: LaunchOptions): Promise<PluginClient> {
  const { sha256, trust, args = [] } = options;
  const file = await resolveCommand(options.directory, options.path);
  const certificate = createCertificate();
  // A directory of our own: a plugin that is killed cannot remove its socket, and nobody else gets at what is started.
  const directory = await mkdtemp(join(tmpdir(), 'coffer-plugin-'));
  const logger = options.logger.named(options.path);
  const env = pluginEnvironment(options, certificate, directory);
  const start = (executable: Executable) => new PluginChild(executable, { args, env, name: options.path, logger });
  let child: PluginChild;
  try {
    child = await startVerified({ file, sha256, trust, scratch: directory }, start);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  removeAfter(child, directory, logger);
  try {
    return await connect(options, child, certificate, logger);
  } catch (error) {
    child.kill();
    await child.ended;
    throw error;
  }
}

function pluginEnvironment(
  options: LaunchOptions,
  certificate: Certificate,
  socketDirectory: string,
): NodeJS.ProcessEnv {
  return {
    ...passedOn(process.env),
    ...options.env,
    [options.cookie.key]: options.cookie.value,
    PLUGIN_MIN_PORT: '10000',
    PLUGIN_MAX_PORT: '25000',
    PLUGIN_PROTOCOL_VERSIONS: options.protocolVersions.join(','),
    PLUGIN_CLIENT_CERT: certificate.certificatePem,
    PLUGIN_UNIX_SOCKET_DIR: socketDirectory,
  };
}

/**
 * What a plugin gets of this process's environment: where programs, its user, the time zone, certificates and proxies are.
 * Never the whole: keys, tokens and passwords are often in it, this server's unseal key among them.
 */
const PASSED_ON = new Set('PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR SSL_CERT_FILE SSL_CERT_DIR'.split(' '));
const PASSED_ON_IN_ANY_CASE = /^(https?|no)_proxy$/i;

function passedOn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isPassedOn = ([name]: [string, unknown]): boolean =>
    PASSED_ON.has(name) || name.startsWith('LC_') || PASSED_ON_IN_ANY_CASE.test(name);
  return Object.fromEntries(Object.entries(env).filter(isPassedOn));
}

async function connect(
  options: LaunchOptions,
  child: PluginChild,
  certificate: Certificate,
  logger: Logger,
): Promise<PluginClient> {
  const timeoutMs = options.startTimeoutMs ?? 60_000;
  const line = await child.handshakeLine(timeoutMs);
  try {
    const handshake = parseHandshake(line, options.protocolVersions);
    const authority = handshakeAuthority(handshake);
    const client = new GrpcClient(handshake.socketPath, { ...certificate, authority });
    const plugin = new PluginClient(handshake.protocolVersion, child, client, logger);
    await plugin.open(timeoutMs);
    return plugin;
  } catch (error) {
    throw child.startError(error instanceof CofferError ? error.message : errorText(error), error);
  }
}

/** Socket directories of running plugins; whatever ends this process in order leaves none behind. */
const socketDirectories = new Set<string>();
process.on('exit', () => {
  for (const directory of socketDirectories) rmSync(directory, { recursive: true, force: true });
});

function removeAfter(child: PluginChild, socketDirectory: string, logger: Logger): void {
  socketDirectories.add(socketDirectory);
  child.ended
    .then(() => rm(socketDirectory, { recursive: true, force: true }))
    .then(() => socketDirectories.delete(socketDirectory))
    .catch((error: unknown) => {
      logger.warn('failed to remove a plugin socket directory', {
        directory: socketDirectory,
        error: errorText(error),
      });
    });
}
