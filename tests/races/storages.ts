/** The two engines that a server keeps its state in, each new and empty. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore, openPostgresStore, type Store } from '@coffer/store';
import type { TestDatabase } from '@coffer/testkit';

export interface Storage {
  /** Of the database, where there is one. */
  readonly url: string;
  open(): Promise<Store>;
  remove(): Promise<void>;
}

export interface StorageKind {
  readonly name: string;
  /** Whether several servers can have it open. */
  readonly shared: boolean;
  make(database: TestDatabase): Promise<Storage>;
}

const FILE: StorageKind = {
  name: 'a file',
  shared: false,
  async make() {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-races-'));
    return {
      url: '',
      open: () => openEmbeddedStore({ path: join(directory, 'coffer.db') }),
      remove: () => rm(directory, { recursive: true }),
    };
  },
};

const DATABASE: StorageKind = {
  name: 'a database',
  shared: true,
  async make(database) {
    await database.query(`CREATE DATABASE coffer_races OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = '/coffer_races';
    return {
      url: url.href,
      open: () => openPostgresStore({ connectionUrl: url.href }),
      remove: async () => {
        await database.query('DROP DATABASE coffer_races');
      },
    };
  },
};

export const STORAGES: readonly StorageKind[] = [FILE, DATABASE];
