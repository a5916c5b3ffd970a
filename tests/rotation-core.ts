/**
 * A core on a store file with a keyring that any process can make again: for tests that kill one process and go on in
 * another. Run as a program it does one request and prints `done`: `rotation-core.ts STORE PATH JSON`.
 */
import { randomUUID } from 'node:crypto';
import { createLogger, formatLogLine, type JsonObject } from '@coffer/base';
import type { OutgoingResponse, StaticSeal } from '@coffer/core';
import { openEmbeddedStore } from '@coffer/store';
import { composeSealable } from '../apps/coffer/src/compose.ts';

/** The same key in every process opens the store. */
const STATIC_SEAL: StaticSeal = { type: 'static', current: { id: 'test', key: Buffer.alloc(32, 'rotation') } };
const ROOT_TOKEN = 'root';

export interface FileCore extends AsyncDisposable {
  request(operation: 'read' | 'update' | 'delete', path: string, data?: JsonObject): Promise<JsonObject>;
  log(): string;
}

export async function openFileCore(path: string): Promise<FileCore> {
  let log = '';
  const store = await openEmbeddedStore({ path });
  const sealable = composeSealable({
    store,
    storageType: 'file',
    staticSeal: STATIC_SEAL,
    logger: createLogger('', 'debug', (entry) => (log += formatLogLine(entry))),
  });
  await sealable.start();
  const { initialized } = await sealable.status();
  if (!initialized) await sealable.init({ recovery: { shares: 1, threshold: 1 }, rootToken: ROOT_TOKEN });
  return {
    async request(operation, requestPath, data = {}) {
      const answer: OutgoingResponse | undefined = await sealable.handle({
        id: randomUUID(),
        operation,
        path: requestPath,
        token: ROOT_TOKEN,
        data,
        remoteAddress: '127.0.0.1',
      });
      return answer?.data ?? {};
    },
    log: () => log,
    async [Symbol.asyncDispose]() {
      await sealable.stop();
      await store.close();
    },
  };
}

if (import.meta.main) {
  const [store = '', path = '', data = '{}'] = process.argv.slice(2);
  const core = await openFileCore(store);
  await core.request('update', path, JSON.parse(data) as JsonObject);
  console.log('done');
  await core[Symbol.asyncDispose]();
}
