import { once } from 'node:events';
import { resolve } from 'node:path';
import { type CommandDefinition, createTokenHelper, defineCommand, usageFailure } from '@coffer/cli';
import {
  CofferError,
  createLogger,
  errorText,
  formatLogLine,
  LOG_LEVELS,
  type LogLevel,
  type Secret,
} from '@coffer/base';
import type { DevServer } from './dev-server.ts';

/** `coffer server -dev`: serves until SIGINT or SIGTERM. */
export const serverCommand: CommandDefinition = defineCommand({
  name: 'server',
  synopsis: 'Start a server',
  description:
    'Starts a server that answers the API requests of the other commands.\n\n' +
    'In development mode (-dev) the server is unsealed, keeps everything in memory and has one root token: never use ' +
    'it in production.',
  usage: '[options]',
  examples: [{ caption: 'Start a development server', command: 'server -dev -dev-root-token-id="root"' }],
  http: false,
  flags: {
    dev: { type: 'boolean', usage: 'Development mode: in memory, unsealed, insecure.' },
    'dev-root-token-id': {
      type: 'string',
      env: 'VAULT_DEV_ROOT_TOKEN_ID',
      aliases: ['dev-root-token'],
      usage: 'The root token in development mode. Made when absent.',
    },
    'dev-listen-address': {
      type: 'string',
      default: '127.0.0.1:8200',
      env: 'VAULT_DEV_LISTEN_ADDRESS',
      usage: 'Address to listen on in development mode; port 0 for any free one.',
    },
    'dev-plugin-dir': {
      type: 'string',
      usage: 'Directory of plugins. In development mode its database plugins are registered in the catalog.',
    },
    'dev-no-store-token': {
      type: 'boolean',
      usage: 'Do not store the root token in the token helper (~/.vault-token).',
    },
    'log-level': {
      type: 'string',
      default: 'info',
      env: 'VAULT_LOG_LEVEL',
      usage: `Least severe lines to log: ${LOG_LEVELS.join(', ')}.`,
    },
  },
  arguments: { min: 0, max: 0 },
  async run({ flags, ui, io }) {
    if (!flags.dev) {
      throw usageFailure('Only development mode is there yet: start the server with -dev.');
    }
    const { host, port } = parseListenAddress(flags['dev-listen-address']);
    const level = logLevel(flags['log-level']);
    const stopped = nextSignal();
    // Only here: the other commands need nothing of a server, and are over before it would be loaded.
    const { startDevServer } = await import('./dev-server.ts');
    const server = await start(async () =>
      startDevServer({
        host,
        port,
        ...(flags['dev-root-token-id'] !== undefined && { rootToken: flags['dev-root-token-id'] }),
        ...(flags['dev-plugin-dir'] !== undefined && { pluginDirectory: resolve(flags['dev-plugin-dir']) }),
        logger: createLogger('', level, (entry) => io.stderr.write(formatLogLine(entry))),
      }),
    );
    if (!flags['dev-no-store-token']) await storeToken(server.rootToken, io.env, (text) => ui.warn(text));
    ui.output(banner(server, level));
    await stopped;
    ui.output('==> Vault shutdown triggered');
    await server.close();
    return 0;
  },
});

async function start(open: () => Promise<DevServer>): Promise<DevServer> {
  try {
    return await open();
  } catch (thrown) {
    throw usageFailure(`Error initializing the server: ${CofferError.from(thrown).message}`);
  }
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

function banner({ address, rootToken, registeredPlugins }: DevServer, level: LogLevel): string {
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
    `Root Token: ${rootToken.reveal()}`,
    '',
    ...(registeredPlugins.length > 0 ? ['The following dev plugins are registered in the catalog:', plugins, ''] : []),
    'Development mode should NOT be used in production installations!',
    '',
    '==> Vault server started! Log data will stream in below:',
  ].join('\n');
}

function parseListenAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^(.*):(\d{1,5})$/s.exec(text) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535) {
    throw usageFailure(`flag -dev-listen-address: ${JSON.stringify(text)} is not HOST:PORT, as in "127.0.0.1:8200"`);
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1') || '0.0.0.0', port: Number(port) };
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((each) => each === text.toLowerCase());
  if (level === undefined)
    throw usageFailure(`flag -log-level: ${JSON.stringify(text)} is not one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A second Ctrl-C ends the process at once; any other signal that follows
 * does not, since a terminal's Ctrl-C is often followed by a SIGTERM from whoever started us.
 */
async function nextSignal(): Promise<void> {
  let interrupts = 0;
  process.on('SIGINT', () => {
    interrupts++;
    if (interrupts > 1) process.exit(1);
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  await Promise.race(signals.map((signal) => once(process, signal)));
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
}
