import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ListenerConfig } from './listener-config.ts';
import type { LogConfig } from './log-config.ts';
import type { SealConfig, SealsConfig } from './seal-config.ts';
import type { StorageConfig } from './storage-config.ts';

/** What of a configuration names files. */
export interface NamedFiles extends Pick<LogConfig, 'logFile'>, SealsConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly storage: StorageConfig;
  readonly pluginDirectory?: string;
  readonly pidFile?: string;
}

/**
 * What decides over a server, or is written by it: nobody may have an audit log written there, since whoever may enable audit devices
 * need not be whom the machine trusts. Directories stand for all that is in them.
 */
export function ownPaths({
  storage,
  pluginDirectory,
  logFile,
  pidFile,
  listeners,
  seal,
  formerSeal,
}: NamedFiles): string[] {
  return [
    ...(storage.type === 'file' ? [storage.directory] : []),
    ...present(pluginDirectory, logFile && fileOfLog(logFile), pidFile),
    ...listeners.flatMap(pathsOfListener),
    ...[seal, formerSeal].flatMap(pathsOfSeal),
  ];
}

/** The file that `log_file` stands for: a directory ends in a slash. */
export function fileOfLog(path: string): string {
  return path.endsWith('/') ? join(path, 'vault.log') : path;
}

function pathsOfListener(listener: ListenerConfig): string[] {
  const { tls } = listener;
  return present(
    'socket' in listener ? listener.socket.path : undefined,
    tls?.certFile,
    tls?.keyFile,
    tls?.clientCaFile,
  );
}

function pathsOfSeal(seal: SealConfig | undefined): string[] {
  if (seal?.type === 'transit') return present(seal.caFile, seal.certFile, seal.keyFile);
  const urls = present(seal?.current.url, seal?.previous?.url);
  return urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
}

/** Those that are set. */
export function present(...paths: readonly (string | undefined)[]): string[] {
  return paths.filter((path) => path !== undefined).filter((path) => path !== '');
}
