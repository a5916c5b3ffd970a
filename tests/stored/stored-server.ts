/** A server in this process on a copy of a store file that an earlier version wrote. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createLogger, formatLogLine } from '@coffer/base';
import { type Client, createClient } from '@coffer/client';
import { startServer } from '../../apps/coffer/src/server.ts';
import { parseServerConfig } from '../../apps/coffer/src/config/server-config.ts';
import { type Fixture, LONG } from './fixture.ts';
import { StoreFile } from './store-file.ts';

/** The versions whose store files are kept here. */
export const VERSIONS: readonly string[] = globSync('*.json', { cwd: import.meta.dirname }).map((file) =>
  file.replace(/\.json$/, ''),
);

/** The id of `auth/token/`, by which token roles are found: 0.1.0 had another one each time that the seal opened. */
export const TOKEN_MOUNT = 'af018bea-539c-8928-87f7-37bce31ea06c';

export function readFixture(version: string): Fixture {
  return JSON.parse(readFileSync(join(import.meta.dirname, `${version}.json`), 'utf8')) as Fixture;
}

export interface StoredServer {
  /** With the root token. */
  readonly client: Client;
  readonly address: string;
  log(): string;
  close(): Promise<void>;
}

export interface StartOptions {
  /** A seal that opens by itself, as the configuration has it. */
  readonly seal?: string;
  readonly env?: Record<string, string>;
  readonly rootToken?: string;
}

export class StoredHome {
  readonly fixture: Fixture;
  readonly #directory: string;
  readonly #running: StoredServer[] = [];

  private constructor(fixture: Fixture, directory: string) {
    this.fixture = fixture;
    this.#directory = directory;
  }

  /** `file`: its name where it is not the version. */
  static async make(version: string, file = version): Promise<StoredHome> {
    const home = new StoredHome(readFixture(version), await mkdtemp(join(tmpdir(), 'coffer-stored-')));
    await mkdir(join(home.#directory, 'data'));
    const zipped = await readFile(join(import.meta.dirname, `${file}.db.gz`));
    await writeFile(home.#storeFile, gunzipSync(zipped));
    return home;
  }

  get #storeFile(): string {
    return join(this.#directory, 'data', 'coffer.db');
  }

  /** Changes the store while no server has it. */
  change(work: (file: StoreFile) => void): void {
    const file = new StoreFile(this.#storeFile, Buffer.from(this.fixture.unsealKey, 'base64'));
    try {
      work(file);
    } finally {
      file.close();
    }
  }

  /** Started, and unsealed where it has no seal that opens by itself. */
  async start({ seal = '', env = {}, rootToken = this.fixture.rootToken }: StartOptions = {}): Promise<StoredServer> {
    let log = '';
    const config = `listener "tcp" { address = "127.0.0.1:0", tls_disable = true }
      storage "file" { path = ${JSON.stringify(join(this.#directory, 'data'))} }
      max_lease_ttl = "${LONG}"
      ${seal}`;
    const logger = createLogger('', 'trace', (entry) => (log += formatLogLine(entry)));
    const server = await startServer(parseServerConfig(config, 'coffer.hcl'), env, logger);
    const [address = ''] = server.addresses;
    const client = createClient({ address, token: rootToken });
    const running = { client, address, log: () => log, close: () => server.close() };
    this.#running.push(running);
    if (seal === '') await client.request('PUT', 'sys/unseal', { body: { key: this.fixture.unsealKey } });
    return running;
  }

  async remove(): Promise<void> {
    for (const server of this.#running) await server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** What a request is refused with. */
export async function refusal(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return assert.fail('the request was not refused');
}
