import type { LogLevel } from '@coffer/base';
import type { ServerConfig } from './config/server-config.ts';
import type { DevServer } from './dev-server.ts';
import type { Server } from './server.ts';
import type { ServerLog } from './server-log.ts';

/** What a server prints when it has started. */
export function serverBanner(
  { descriptions }: Server,
  { storage, seal, apiAddr, logFile }: ServerConfig,
  { level, format }: Pick<ServerLog, 'level' | 'format'>,
): string {
  const line = (name: string, value: string): string => `${name.padStart(23)}: ${value}`;
  return [
    '==> Vault server configuration:',
    '',
    ...(apiAddr === undefined ? [] : [line('Api Address', apiAddr)]),
    ...descriptions.map((description, index) => line(`Listener ${index + 1}`, description)),
    ...(logFile === undefined ? [] : [line('Log File', logFile)]),
    ...(format === 'standard' ? [] : [line('Log Format', format)]),
    line('Log Level', level),
    line('Seal', seal?.type ?? 'shamir'),
    line('Storage', storage.type),
    '',
    '==> Vault server started! Log data will stream in below:',
  ].join('\n');
}

/** The same in development mode. */
export function devBanner({ address, rootToken, unsealKey, registeredPlugins }: DevServer, level: LogLevel): string {
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
