import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Secret } from '@coffer/base';

/** A password as it is kept: scrypt with its parameters, so that they can be raised without a migration. */
export interface PasswordHash {
  readonly algorithm: 'scrypt';
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  /** Both base64. */
  readonly salt: string;
  readonly key: string;
}

/** OWASP's recommendation for scrypt in 16 MiB of memory. */
const COST = 2 ** 14;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 5;
const KEY_BYTES = 32;

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

export async function hashPassword(password: Secret): Promise<PasswordHash> {
  const salt = randomBytes(16);
  const options = { N: COST, r: BLOCK_SIZE, p: PARALLELIZATION };
  const key = await derive(password.reveal(), salt, KEY_BYTES, options);
  return {
    algorithm: 'scrypt',
    cost: COST,
    blockSize: BLOCK_SIZE,
    parallelization: PARALLELIZATION,
    salt: salt.toString('base64'),
    key: key.toString('base64'),
  };
}

/** Takes as long for a wrong password as for the right one. */
export async function verifyPassword(hash: PasswordHash, password: Secret): Promise<boolean> {
  const key = Buffer.from(hash.key, 'base64');
  const options = { N: hash.cost, r: hash.blockSize, p: hash.parallelization };
  const derived = await derive(password.reveal(), Buffer.from(hash.salt, 'base64'), key.length, options);
  return timingSafeEqual(key, derived);
}

/** For a user that does not exist: the work of a verification, so that the time does not tell who exists. */
export async function verifyNobody(password: Secret): Promise<false> {
  await hashPassword(password);
  return false;
}
