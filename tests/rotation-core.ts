/**
 * A core on a store file with a keyring that any process can make again: for tests that kill one process and go on in
 * another. Run as a program it does one request and prints `done`: `rotation-core.ts STORE PATH JSON`.
 */
import { randomUUID } from 'node:crypto';
import { createLogger, formatLogLine, type JsonObject, type Secret } from '@coffer/base';
import { Barrier, type Keyring, type OutgoingResponse, ROOT_POLICY } from '@coffer/core';
import { openEmbeddedStore } from '@coffer/store';
import { composeCore } from '../apps/coffer/src/compose.ts';

const KEYRING: Keyring = {
  activeTerm: 1,
  keys: new Map([[1, Buffer.alloc(32, 'rotation')]]),
  hmacKey: Buffer.alloc(32, 'hmac'),
};

export interface FileCore extends AsyncDisposable {
  request(operation: 'read' | 'update' | 'delete', path: string, data?: JsonObject): Promise<JsonObject>;
  log(): string;
}

export async function openFileCore(path: string): Promise<FileCore> {
  let log = '';
  const store = await openEmbeddedStore({ path });
  const { core, plugins } = composeCore({
    store,
    barrier: new Barrier(KEYRING),
    storageType: 'file',
    logger: createLogger('', 'debug', (entry) => (log += formatLogLine(entry))),
  });
  const token = await rootToken(core.services.tokens);
  await core.start();
  return {
    async request(operation, requestPath, data = {}) {
      const answer: OutgoingResponse | undefined = await core.handle({
        id: randomUUID(),
        operation,
        path: requestPath,
        token: token.reveal(),
        data,
        remoteAddress: '127.0.0.1',
      });
      return answer?.data ?? {};
    },
    log: () => log,
    async [Symbol.asyncDispose]() {
      await core.stop();
      await plugins.close();
      await store.close();
    },
  };
}

async function rootToken(tokens: ReturnType<typeof composeCore>['core']['services']['tokens']): Promise<Secret> {
  const { token } = await tokens.create({
    parent: '',
    displayName: 'token',
    policies: [ROOT_POLICY],
    path: 'auth/token/create',
    meta: null,
    creationTime: Date.now(),
    creationTtl: 0,
    expireTime: null,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: false,
  });
  return token;
}

if (import.meta.main) {
  const [store = '', path = '', data = '{}'] = process.argv.slice(2);
  const core = await openFileCore(store);
  await core.request('update', path, JSON.parse(data) as JsonObject);
  console.log('done');
  await core[Symbol.asyncDispose]();
}
