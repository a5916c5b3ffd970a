/** A server that can be started again on what it has kept. */
import type { DurableHome } from '../../../tests/durable-process.ts';

export interface Running {
  readonly pid: number;
  readonly address: string;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

export interface Host {
  readonly name: string;
  /** It unseals by itself. */
  start(): Promise<Running>;
  /** Of the database that holds the store, if there is one. */
  readonly storePid?: number;
  /** The plugin to register, in the server's directory of plugins, where none is built in. */
  readonly pluginFile?: string;
  /** What lies on disk, of Coffer with a file: leases can be written into it while the server is down. */
  readonly file?: { readonly home: DurableHome; readonly key: Uint8Array };
  remove(): Promise<void>;
}

export const FILE = 'Coffer, file';
export const POSTGRES = 'Coffer, PostgreSQL';
export const PEER = 'OpenBao';
