import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises';
import { type CommandDefinition, createTokenHelper, defineCommand, usageFailure } from '@coffer/cli';
import {
  CofferError,
  createLogger,
  errorText,
  formatLogLine,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  type Secret,
} from '@coffer/base';
import type { DevServer } from './dev-server.ts';
import { parseListenAddress } from './listen-address.ts';
import type { Server } from './server.ts';
import { readServerConfig, type ServerConfig } from './config/server-config.ts';

/** For requests under way when a sealed process is replaced, in milliseconds: while sealed, all are answered at once. */
const REPLACEMENT_DRAIN_MS = 2_000;
/** For everything else that ends then: what hangs ends with the process, and the next start finds it as after a crash. */
const REPLACEMENT_CLOSE_MS = 5_000;

/** `coffer server`: serves until SIGINT or SIGTERM. SIGHUP reads the certificates, and what is served without a token, again. */
export const serverCommand: CommandDefinition = defineCommand({
  name: 'server',
  synopsis: 'Start a server',
  description:
    'Starts a server, which answers the API requests of the other commands. A new one must first be initialized ' +
    '("operator init") and unsealed ("operator unseal").\n\n' +
    'In development mode (-dev) the server is unsealed, keeps everything in memory and has one root token: never use ' +
    'it in production.',
  usage: '[options]',
  examples: [
    { caption: 'Start a server', command: 'server -config=/etc/coffer/coffer.hcl' },
    { caption: 'Start a development server', command: 'server -dev -dev-root-token-id="root"' },
  ],
  http: false,
  flags: {
    config: { type: 'list', usage: 'The configuration file, in HCL or JSON.' },
    dev: { type: 'boolean', usage: 'Development mode: in memory, unsealed, insecure.' },
    'dev-root-token-id': {
      type: 'string',
      env: 'VAULT_DEV_ROOT_TOKEN_ID',
      aliases: ['dev-root-token'],
      usage: 'The root token in development mode. Generated when absent.',
    },
    'dev-listen-address': {
      type: 'string',
      default: '127.0.0.1:8200',
      env: 'VAULT_DEV_LISTEN_ADDRESS',
      usage: 'Address to listen on in development mode. Port 0 takes any free one.',
    },
    'dev-plugin-dir': {
      type: 'string',
      usage: 'Directory of plugins, for development mode. Its database plugins are registered in the catalog.',
    },
    'dev-no-store-token': {
      type: 'boolean',
      usage: 'Do not store the root token in the token helper (~/.vault-token).',
    },
    'log-level': {
      type: 'string',
      env: 'VAULT_LOG_LEVEL',
      usage: `The least severe level to log: ${LOG_LEVELS.join(', ')}. Overrides the configuration file. Default: info.`,
    },
  },
  arguments: { min: 0, max: 0 },
  async run({ flags, ui, io }) {
    const givenLevel = flags['log-level'] === undefined ? undefined : logLevel(flags['log-level']);
    const loggerAt = (level: LogLevel): Logger =>
      createLogger('', level, (entry) => io.stderr.write(formatLogLine(entry)));
    // It has been read by now: whoever looks at the environment of this process later must find no token.
    takeOut('VAULT_DEV_ROOT_TOKEN_ID', io.env);
    if (flags.dev) {
      if (flags.config.length > 0) throw usageFailure('-dev and -config exclude each other.');
      const { host, port } = devListenAddress(flags['dev-listen-address']);
      const level = givenLevel ?? 'info';
      const stopped = nextSignal(['SIGINT', 'SIGTERM', 'SIGHUP']);
      // Imported only here: the other commands need nothing of a server, and are over before it would be loaded.
      const { startDevServer } = await import('./dev-server.ts');
      const server = await start(async () =>
        startDevServer({
          host,
          port,
          ...(flags['dev-root-token-id'] !== undefined && { rootToken: flags['dev-root-token-id'] }),
          ...(flags['dev-plugin-dir'] !== undefined && { pluginDirectory: resolve(flags['dev-plugin-dir']) }),
          logger: loggerAt(level),
        }),
      );
      if (!flags['dev-no-store-token']) await storeToken(server.rootToken, io.env, (text) => ui.warn(text));
      ui.output(banner(server, level));
      await stopped;
      ui.output('==> Vault shutdown triggered');
      await server.close();
      return 0;
    }
    const [file, second] = flags.config;
    if (file === undefined) throw usageFailure('Must specify a configuration file with -config, or start with -dev.');
    if (second !== undefined) throw usageFailure('-config can be given once: put everything into one file.');
    const config = await start(() => readServerConfig(file));
    const level = givenLevel ?? config.logLevel ?? 'info';
    const logger = loggerAt(level);
    const stopped = nextSignal(['SIGINT', 'SIGTERM']);
    const [{ startServer }, replacement] = await Promise.all([
      import('./server.ts'),
      import('./server-replacement.ts'),
    ]);
    const replaced = replacement.replacedListeners(io.env);
    const starting = start(() => startServer(config, io.env, logger, replaced));
    const reloads = reloadOnHangup(starting, { file, config }, logger);
    const server = await starting;
    ui.output(serverBanner(server, config, level));
    const sealed = server.sealed.then(() => replacement.canBeReplaced() || stopped.then(() => false));
    const isReplaced = await Promise.race([stopped.then(() => false), sealed]);
    if (!isReplaced) {
      ui.output('==> Vault shutdown triggered');
      await farewell(server, config.shutdownDelay ?? 0, logger);
    }
    await reloads.stop();
    if (isReplaced) {
      const patience = delay(REPLACEMENT_CLOSE_MS, undefined, { ref: false });
      await Promise.race([server.close(REPLACEMENT_DRAIN_MS), patience]);
    } else await server.close();
    // A signal that came meanwhile still ends the process.
    const isStopped = await Promise.race([stopped.then(() => true), immediate(false)]);
    if (isStopped || !isReplaced) return 0;
    logger.info('the process replaces itself, so that nothing of what was secret is left in its memory');
    return replacement.replaceProcess(server.bound, io.env);
  },
});

function takeOut(name: string, env: Record<string, string | undefined>): void {
  delete env[name];
}

async function start<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (thrown) {
    throw usageFailure(`Error initializing the server: ${CofferError.from(thrown).message}`);
  }
}

/**
 * A SIGHUP waits for the start and for the previous reload. If the configuration cannot be read, the previous one stays.
 */
function reloadOnHangup(
  starting: Promise<Server>,
  { file, config }: { readonly file: string; readonly config: ServerConfig },
  logger: Logger,
): { stop(): Promise<void> } {
  let current = config;
  let reloading: Promise<void> = Promise.resolve();
  const readAgain = async (): Promise<void> => {
    try {
      current = await readServerConfig(file);
    } catch (error) {
      logger.error('the configuration was not read again; what it said before stays', { error: errorText(error) });
    }
  };
  const reload = (): void => {
    reloading = reloading
      .then(readAgain)
      .then(async () => (await starting).reload(current))
      .catch((error: unknown) => logger.error('the reload failed', { error: errorText(error) }));
  };
  process.on('SIGHUP', reload);
  return {
    stop() {
      // Without any listener a SIGHUP would end the process, which may be about to be replaced.
      process.on('SIGHUP', () => undefined);
      process.off('SIGHUP', reload);
      return reloading;
    },
  };
}

/** Serves on while load balancers find out that they should ask another server. Another SIGTERM ends that. */
async function farewell(server: Server, seconds: number, logger: Logger): Promise<void> {
  if (seconds === 0) return;
  server.retire();
  logger.info('sys/health answers 503 from now on; requests are served until the delay is over', {
    shutdown_delay: `${seconds}s`,
  });
  const over = new AbortController();
  const { signal } = over;
  const impatient = once(process, 'SIGTERM', { signal }).then(() => logger.info('the delay ends: another SIGTERM'));
  await Promise.race([impatient, delay(seconds * 1000, undefined, { signal })]).finally(() => over.abort());
}

function serverBanner({ addresses }: Server, { storage, seal, apiAddr }: ServerConfig, level: LogLevel): string {
  const line = (name: string, value: string): string => `${name.padStart(23)}: ${value}`;
  return [
    '==> Vault server configuration:',
    '',
    ...(apiAddr === undefined ? [] : [line('Api Address', apiAddr)]),
    ...addresses.map((address, index) => {
      const { protocol, host } = new URL(address);
      const tls = protocol === 'https:' ? 'enabled' : 'disabled';
      return line(`Listener ${index + 1}`, `tcp (addr: "${host}", tls: "${tls}")`);
    }),
    line('Log Level', level),
    line('Seal', seal === undefined ? 'shamir' : 'static'),
    line('Storage', storage.type),
    '',
    '==> Vault server started! Log data will stream in below:',
  ].join('\n');
}

async function storeToken(
  token: Secret,
  env: Readonly<Record<string, string | undefined>>,
  warn: (text: string) => void,
): Promise<void> {
  try {
    await createTokenHelper(env).store(token);
  } catch (error) {
    warn(`The root token was not stored in the token helper: ${errorText(error)}`);
  }
}

function banner({ address, rootToken, unsealKey, registeredPlugins }: DevServer, level: LogLevel): string {
  const plugins = registeredPlugins.map((name) => `    - ${name}`).join('\n');
  return [
    '==> Vault server configuration:',
    '',
    `             Listener 1: tcp (addr: "${address.replace(/^http:\/\//, '')}", tls: "disabled")`,
    `              Log Level: ${level}`,
    '                Storage: inmem',
    '',
    'WARNING! dev mode is enabled! In this mode, Vault runs entirely in-memory',
    'and starts unsealed. The root token is already authenticated to the CLI.',
    '',
    'You may need to set the following environment variables:',
    '',
    `    $ export VAULT_ADDR='${address}'`,
    '',
    'The unseal key is for "operator unseal" after "operator seal":',
    '',
    `Unseal Key: ${unsealKey.reveal()}`,
    `Root Token: ${rootToken.reveal()}`,
    '',
    ...(registeredPlugins.length > 0 ? ['The following dev plugins are registered in the catalog:', plugins, ''] : []),
    'Development mode should NOT be used in production installations!',
    '',
    '==> Vault server started! Log data will stream in below:',
  ].join('\n');
}

function devListenAddress(text: string): { host: string; port: number } {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw usageFailure(`flag -dev-listen-address: ${JSON.stringify(text)} is not HOST:PORT, as in "127.0.0.1:8200"`);
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((each) => each === text.toLowerCase());
  if (level === undefined)
    throw usageFailure(`flag -log-level: ${JSON.stringify(text)} is not one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

/**
 * Resolves at the first of these signals. A second Ctrl-C ends the process at once. Any other second signal does not: a
 * Ctrl-C in a terminal is often followed by a SIGTERM from whatever started us.
 */
async function nextSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  let interrupts = 0;
  process.on('SIGINT', () => {
    interrupts++;
    if (interrupts > 1) process.exit(1);
  });
  await Promise.race(signals.map((signal) => once(process, signal)));
  for (const signal of signals) process.on(signal, () => undefined);
}
