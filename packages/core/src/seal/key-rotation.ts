import { CofferError } from '@coffer/base';
import { type EntryStorage, stored } from '@coffer/framework';

export interface KeyStatus {
  readonly term: number;
  /** Milliseconds since 1970. */
  readonly installTime: number;
  readonly encryptions: number;
}

/** When the encryption key is rotated automatically (hashicorp/vault:vault/keyring.go, KeyRotationConfig). */
export interface KeyRotationConfig {
  readonly enabled: boolean;
  /** How many values may be sealed under one key. */
  readonly maxOperations: number;
  /** Longest time under one key, in seconds; 0: no limit. */
  readonly interval: number;
}

const MIN_OPERATIONS = 1_000_000;
/**
 * A tenth below 2^32, the limit of AES-GCM with random nonces (NIST SP 800-38D, 8.3), since a process that is killed loses
 * a little of the count.
 */
const MAX_OPERATIONS = 3_865_470_566;
const SHORTEST_INTERVAL = 24 * 3600;

export const KEY_ROTATION_DEFAULT: KeyRotationConfig = { enabled: true, maxOperations: MAX_OPERATIONS, interval: 0 };

/** @throws CofferError `invalid-request` with Vault's texts */
export function checkKeyRotation({ interval, maxOperations }: KeyRotationConfig): void {
  if (interval !== 0 && interval < SHORTEST_INTERVAL) {
    throw new CofferError('invalid-request', 'interval must be greater or equal to 24h0m0s');
  }
  if (maxOperations < MIN_OPERATIONS || maxOperations > MAX_OPERATIONS) {
    const range = `[${MIN_OPERATIONS},${MAX_OPERATIONS}]`;
    throw new CofferError('invalid-request', `max_operations must be in the range ${range}`);
  }
}

/** Why a key must be rotated at `now` (milliseconds since 1970); undefined when it need not. */
export function rotationReason(
  { encryptions, installTime }: KeyStatus,
  { enabled, interval, maxOperations }: KeyRotationConfig,
  now: number,
): string | undefined {
  if (!enabled) return undefined;
  if (encryptions >= maxOperations) return `it was used ${encryptions} times`;
  if (interval > 0 && now - installTime >= interval * 1000) return `it is older than ${interval} s`;
  return undefined;
}

const { boolean, entry, integer } = stored;
const NAME = 'rotation';
const CONFIG = entry<KeyRotationConfig>({ enabled: boolean(), maxOperations: integer(), interval: integer() });

/** `storage`: of the core itself. */
export async function readKeyRotation(storage: EntryStorage): Promise<KeyRotationConfig> {
  return (await storage.of('', CONFIG).get(NAME)) ?? KEY_ROTATION_DEFAULT;
}

export async function writeKeyRotation(storage: EntryStorage, config: KeyRotationConfig): Promise<void> {
  checkKeyRotation(config);
  await storage.of('', CONFIG).put(NAME, config);
}
