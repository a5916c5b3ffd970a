/** A thread of the hashing queue: derives keys, one after another. */
import { scryptSync } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

export interface Derivation {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly keyBytes: number;
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}
export type DerivationAnswer = { readonly key: Uint8Array } | { readonly error: string };

const port = parentPort;
if (port === null) throw new Error('hashing-worker.ts runs as a worker thread only');

port.on('message', (derivation: Derivation) => port.postMessage(derive(derivation)));

function derive({ password, salt, keyBytes, cost, blockSize, parallelization }: Derivation): DerivationAnswer {
  try {
    return { key: scryptSync(password, salt, keyBytes, { N: cost, r: blockSize, p: parallelization }) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
