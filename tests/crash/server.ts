/**
 * The server without its listeners, on a store file that any process can open again: the same static key unseals it
 * everywhere. For tests that end one process and go on in another.
 */
import { randomUUID } from 'node:crypto';
import { createLogger, formatLogLine, type JsonObject } from '@coffer/base';
import type { OutgoingResponse } from '@coffer/framework';
import { createStaticSeal } from '@coffer/core';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { composeSealable } from '../../apps/coffer/src/compose.ts';

const KEYS = { current: { id: 'test', key: Buffer.alloc(32, 'crash') } };
const ROOT_TOKEN = 'root';
/** A process may stand still for longer than clients usually wait, and what comes of its request then is what a test asks for. */
const LONGEST_REQUEST_MS = 3_600_000;

export interface CrashRequest {
  readonly operation: 'read' | 'update' | 'delete' | 'list';
  readonly path: string;
  readonly data?: JsonObject;
}

export interface CrashServer extends AsyncDisposable {
  readonly store: Store;
  /** With the root token. @throws CofferError as the server's core does */
  request(request: CrashRequest): Promise<OutgoingResponse | undefined>;
  /** Every log line so far. */
  log(): string;
}

/** Opens, and where it is new also initializes, the store at `path`. `observe` may stand between it and the server. */
export async function openServer(path: string, observe = (store: Store): Store => store): Promise<CrashServer> {
  return openServerOn(observe(await openEmbeddedStore({ path })));
}

/** As {@link openServer}, with any store, which goes with the server. */
export async function openServerOn(store: Store): Promise<CrashServer> {
  let log = '';
  const sealable = composeSealable({
    store,
    storageType: 'file',
    autoSeal: createStaticSeal(KEYS),
    logger: createLogger('', 'debug', (entry) => (log += formatLogLine(entry))),
  });
  await sealable.start();
  const { initialized } = await sealable.status();
  if (!initialized) await sealable.init({ recovery: { shares: 1, threshold: 1 }, rootToken: ROOT_TOKEN });
  return {
    store,
    request: (request) =>
      sealable.handle({
        id: randomUUID(),
        token: ROOT_TOKEN,
        data: {},
        remoteAddress: '127.0.0.1',
        maxDurationMs: LONGEST_REQUEST_MS,
        ...request,
      }),
    log: () => log,
    async [Symbol.asyncDispose]() {
      await sealable.stop();
      await store.close();
    },
  };
}
