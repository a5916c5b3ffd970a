import { once } from 'node:events';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises';
import { type CommandDefinition, createTokenHelper, defineCommand, usageFailure } from '@coffer/cli';
import { CofferError, errorText, type Logger, type Secret } from '@coffer/base';
import { devBanner, serverBanner } from './banner.ts';
import type { LogConfig } from './config/log-config.ts';
import { fileOfLog, present } from './config/own-paths.ts';
import { examineConfig, requireConfig } from './config/server-config.ts';
import { parseListenAddress } from './listen-address.ts';
import { LOG_FLAGS, logConfigOf } from './log-flags.ts';
import { removePidFile, writePidFile } from './pid-file.ts';
import { RunningConfiguration } from './reload.ts';
import type { Server } from './server.ts';
import { ServerLog } from './server-log.ts';

/** For requests under way when a sealed process is replaced, in milliseconds: while sealed, all are answered at once. */
const REPLACEMENT_DRAIN_MS = 2_000;
/** For everything else that ends then: what hangs ends with the process, and the next start finds it as after a crash. */
const REPLACEMENT_CLOSE_MS = 5_000;

/** `coffer server`: serves until SIGINT or SIGTERM. At SIGHUP what RunningConfiguration says is read again. */
export const serverCommand: CommandDefinition = defineCommand({
  name: 'server',
  synopsis: 'Start a server',
  description:
    'Starts a server. Initialize a new server with "operator init", then unseal it with "operator unseal".\n\n' +
    'In development mode (-dev), the server starts unsealed, keeps all data in memory and prints its root token: never ' +
    'use it in production.',
  usage: '[options]',
  examples: [
    { caption: 'Start a server', command: 'server -config=/etc/coffer/coffer.hcl' },
    { caption: 'Start a development server', command: 'server -dev -dev-root-token-id="root"' },
  ],
  http: false,
  flags: {
    config: {
      type: 'list',
      usage:
        'A configuration file in HCL or JSON, or a directory of .hcl and .json files. Can be given several times; ' +
        'later files override earlier ones.',
    },
    dev: { type: 'boolean', usage: 'Development mode: in memory, unsealed, insecure.' },
    'dev-root-token-id': {
      type: 'string',
      env: 'VAULT_DEV_ROOT_TOKEN_ID',
      aliases: ['dev-root-token'],
      usage: 'The root token in development mode. Default: generated.',
    },
    'dev-listen-address': {
      type: 'string',
      default: '127.0.0.1:8200',
      env: 'VAULT_DEV_LISTEN_ADDRESS',
      usage: 'Address to listen on in development mode. Port 0 picks a free port.',
    },
    'dev-plugin-dir': {
      type: 'string',
      usage: 'Plugin directory in development mode. Its database plugins are registered in the catalog.',
    },
    'dev-no-store-token': {
      type: 'boolean',
      usage: 'Do not store the root token in the token helper (~/.vault-token).',
    },
    ...LOG_FLAGS,
  },
  arguments: { min: 0, max: 0 },
  async run({ flags, ui, io }) {
    const logFlags = logConfigOf(flags);
    const openLog = (config: LogConfig) => start(async () => new ServerLog({ ...config, ...logFlags }, io.stderr));
    // It has been read by now: whoever looks at the environment of this process later must find no token.
    takeOut('VAULT_DEV_ROOT_TOKEN_ID', io.env);
    if (flags.dev) {
      if (flags.config.length > 0) throw usageFailure('Use either -dev or -config, not both.');
      const { host, port } = devListenAddress(flags['dev-listen-address']);
      const log = await openLog({});
      const stopped = nextSignal(DEV_SIGNALS);
      // Imported only here: the other commands need nothing of a server, and are over before it would be loaded.
      const { startDevServer } = await import('./dev-server.ts');
      const server = await start(async () =>
        startDevServer({
          host,
          port,
          ...(flags['dev-root-token-id'] !== undefined && { rootToken: flags['dev-root-token-id'] }),
          ...(flags['dev-plugin-dir'] !== undefined && { pluginDirectory: resolve(flags['dev-plugin-dir']) }),
          env: io.env,
          logger: log.loggers.root,
          operation: log,
        }),
      );
      process.on('SIGHUP', () => {
        log.reopen();
        server.reopen().catch((error: unknown) => {
          log.loggers.root.error('the reload failed', { error: errorText(error) });
        });
      });
      if (!flags['dev-no-store-token']) await storeToken(server.rootToken, io.env, (text) => ui.warn(text));
      ui.output(devBanner(server, log.level));
      await stopped;
      ui.output('==> Vault shutdown triggered');
      await server.close();
      await log.close();
      return 0;
    }
    const paths = flags.config;
    if (paths.length === 0) throw usageFailure('Must specify a configuration file with -config, or start with -dev.');
    const findings = await examineConfig(paths, io.env, present(logFlags.logFile && fileOfLog(logFlags.logFile)));
    const config = await start(async () => requireConfig(findings));
    const log = await openLog(config);
    const logger = log.loggers.root;
    for (const warning of findings.warnings) logger.warn(warning);
    const stopped = nextSignal(['SIGINT', 'SIGTERM']);
    const [{ startServer }, replacement] = await Promise.all([
      import('./server.ts'),
      import('./server-replacement.ts'),
    ]);
    const replaced = replacement.replacedListeners(io.env);
    const configuration = new RunningConfiguration({ paths, env: io.env, findings, log });
    const { loggers, requests } = log;
    const operation = { loggers, requests, configuration, ownPaths: [...paths, ...findings.files, ...log.ownPaths] };
    const starting = start(() => startServer(config, io.env, logger, replaced, operation));
    configuration.serves(starting);
    const hangUp = (): void => configuration.hangUp();
    process.on('SIGHUP', hangUp);
    const server = await starting;
    const { pidFile } = config;
    if (pidFile !== undefined) await start(() => writePidFile(pidFile));
    ui.output(serverBanner(server, config, log));
    const sealed = server.sealed.then(() => replacement.canBeReplaced() || stopped.then(() => false));
    const isReplaced = await Promise.race([stopped.then(() => false), sealed]);
    if (!isReplaced) {
      ui.output('==> Vault shutdown triggered');
      await farewell(server, config.shutdownDelay ?? 0, logger);
    }
    // Without any listener a SIGHUP would end the process, which may be about to be replaced.
    process.on('SIGHUP', () => undefined);
    process.off('SIGHUP', hangUp);
    await configuration.settled();
    if (isReplaced) {
      const patience = delay(REPLACEMENT_CLOSE_MS, undefined, { ref: false });
      await Promise.race([server.close(REPLACEMENT_DRAIN_MS), patience]);
    } else await server.close();
    // A signal that came meanwhile still ends the process.
    const isStopped = await Promise.race([stopped.then(() => true), immediate(false)]);
    const isOver = isStopped || !isReplaced;
    if (isOver && pidFile !== undefined) await removePidFile(pidFile, logger);
    if (!isOver) logger.info('the process restarts itself, so that no secrets are left in its memory');
    await log.close();
    if (isOver) return 0;
    return replacement.replaceProcess(server.bound, io.env);
  },
});

/** A terminal that is closed sends SIGHUP too: whoever had started a server there would have to look for it. */
const DEV_SIGNALS: readonly NodeJS.Signals[] = isatty(0) ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM'];

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

/** Serves on while load balancers find out that they should ask another server. Another SIGTERM ends that. */
async function farewell(server: Server, seconds: number, logger: Logger): Promise<void> {
  if (seconds === 0) return;
  server.retire();
  logger.info('shutting down: sys/health answers 503; requests are served until the delay is over', {
    shutdown_delay: `${seconds}s`,
  });
  const over = new AbortController();
  const { signal } = over;
  const impatient = once(process, 'SIGTERM', { signal }).then(() =>
    logger.info('shutdown delay cut short by another SIGTERM'),
  );
  await Promise.race([impatient, delay(seconds * 1000, undefined, { signal })]).finally(() => over.abort());
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

function devListenAddress(text: string): { host: string; port: number } {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw usageFailure(`flag -dev-listen-address: ${JSON.stringify(text)} is not HOST:PORT, as in "127.0.0.1:8200"`);
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
