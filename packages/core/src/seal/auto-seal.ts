import { CofferError } from '@coffer/base';
import type { SealConfig, SealType } from './seal-rows.ts';

/** A key to seal the root key under, and what the store keeps to find it again. */
export interface SealingKey extends Pick<SealConfig, 'keyId' | 'wrappedKey'> {
  readonly keyId: string;
  /** 32 bytes, the caller's to wipe. */
  readonly key: Uint8Array;
}

/** A seal that opens without people: by a key from outside of the store, or with another server's help. */
export interface AutoSeal {
  readonly type: Exclude<SealType, 'shamir'>;
  /**
   * Whether it may be the one that a store is sealed with, as far as can be said without trying.
   * @throws CofferError `failed` saying what is missing, where it is not
   */
  requireSealOf(config: SealConfig): void;
  /**
   * The key that the root key is sealed under from now on. Two with one id are of one strength: nothing is gained by sealing again.
   * @throws CofferError `unavailable` when it cannot be had now, `failed` when trying again would not help
   */
  sealingKey(): Promise<SealingKey>;
  /**
   * The key under which a store's root key is sealed, the caller's to wipe.
   * @throws CofferError as {@link sealingKey}
   */
  keyOf(config: SealConfig): Promise<Uint8Array>;
  /** Forgets everything secret, for good. */
  forget(): void;
}

/** The part of a configuration that tells of the key. */
export function keyPart({ keyId, wrappedKey }: SealingKey): Pick<SealConfig, 'keyId' | 'wrappedKey'> {
  return { keyId, ...(wrappedKey !== undefined && { wrappedKey }) };
}

/** What `sys/seal-status` and errors call the seal that is configured. */
export function typeOf(autoSeal: AutoSeal | undefined): SealType {
  return autoSeal?.type ?? 'shamir';
}

/** Whether an error may be another one, or none, a little later. */
export function mayPass(error: unknown): boolean {
  return CofferError.from(error).code === 'unavailable';
}
