import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '@coffer/base';
import { callerNetwork } from '@coffer/framework';
import { HashingQueue } from './hashing-queue.ts';

/** A password as it is stored: scrypt with its parameters, so that they can be raised without a migration. */
export interface PasswordHash {
  readonly algorithm: 'scrypt';
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  /** Both base64. */
  readonly salt: string;
  readonly key: string;
}

/** OWASP's recommendation for scrypt with 16 MiB of memory. */
const PARAMETERS = { cost: 2 ** 14, blockSize: 8, parallelization: 5 } as const;
const KEY_BYTES = 32;

/** Hashes and verifies passwords, on the threads and within the limits of its queue. Each method throws as the queue does. */
export class PasswordHasher {
  readonly #queue: HashingQueue;

  constructor(queue: HashingQueue = new HashingQueue()) {
    this.#queue = queue;
  }

  async hash(password: Secret): Promise<PasswordHash> {
    const salt = randomBytes(16);
    const key = await this.#derive(password, salt, KEY_BYTES, PARAMETERS);
    return {
      algorithm: 'scrypt',
      ...PARAMETERS,
      salt: salt.toString('base64'),
      key: Buffer.from(key).toString('base64'),
    };
  }

  /** Takes as long for a wrong password as for the right one. */
  async verify(hash: PasswordHash, password: Secret, remoteAddress: string): Promise<boolean> {
    const key = Buffer.from(hash.key, 'base64');
    const network = callerNetwork(remoteAddress);
    const derived = await this.#derive(password, Buffer.from(hash.salt, 'base64'), key.length, hash, network);
    const isRight = timingSafeEqual(key, derived);
    this.#queue.noteLogin(network, !isRight);
    return isRight;
  }

  /** For a user that does not exist: does the work of a verification, so that the time does not tell who exists. */
  async verifyNobody(password: Secret, remoteAddress: string): Promise<false> {
    const network = callerNetwork(remoteAddress);
    await this.#derive(password, randomBytes(16), KEY_BYTES, PARAMETERS, network);
    this.#queue.noteLogin(network, true);
    return false;
  }

  /** Ends the threads; whoever is still waiting gets `unavailable`. */
  end(): Promise<void> {
    return this.#queue.end();
  }

  #derive(
    password: Secret,
    salt: Uint8Array,
    keyBytes: number,
    parameters: Pick<PasswordHash, 'cost' | 'blockSize' | 'parallelization'>,
    network?: string,
  ): Promise<Uint8Array> {
    const { cost, blockSize, parallelization } = parameters;
    return this.#queue.derive(
      { password: password.reveal(), salt, keyBytes, cost, blockSize, parallelization },
      network,
    );
  }
}
