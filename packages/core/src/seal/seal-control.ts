import type { Secret } from '@coffer/base';
import type { ClusterIdentity } from './cluster-identity.ts';
import type { KeyRotationConfig, KeyStatus } from './key-rotation.ts';
import type { ShareCounts } from './key-shares.ts';
import type { SealConfig } from './seal-rows.ts';

export interface SealStatus {
  readonly type: SealConfig['type'];
  readonly initialized: boolean;
  readonly sealed: boolean;
  /** 0 and 0 before the store is initialized. */
  readonly shares: number;
  readonly threshold: number;
  /** Shares handed in so far, and the nonce of this attempt: empty when there is none. */
  readonly progress: number;
  readonly nonce: string;
  /** It opens by itself; `shares` and `threshold` are of the recovery key. */
  readonly recoverySeal: boolean;
  /** Only while unsealed. */
  readonly cluster?: ClusterIdentity;
}

/** `shares`: closed, and some were handed in to open it. */
export type SealState = 'closed' | 'shares' | 'opening' | 'open';

export interface InitRequest {
  /** For a seal that is opened by hand. */
  readonly unseal?: ShareCounts;
  /** For one that opens by itself. */
  readonly recovery?: ShareCounts;
  /** The root token itself, for development; made when absent. */
  readonly rootToken?: string;
}

export interface InitResult {
  readonly unsealShares: readonly Uint8Array[];
  readonly recoveryShares: readonly Uint8Array[];
  readonly rootToken: Secret;
}

export interface RekeyStatus {
  readonly started: boolean;
  readonly nonce: string;
  /** The new shares and threshold; 0 when none is under way. */
  readonly shares: number;
  readonly threshold: number;
  readonly progress: number;
  /** Shares of the present key that it takes. */
  readonly required: number;
}

/** Who asks, for the log. */
export interface Requester {
  readonly remoteAddress: string;
  /** Of the token, where there is one. */
  readonly accessor?: string;
}

/** New shares for old ones, agreed on by the holders of the old. A share that is handed in stays its requester's to wipe. */
export interface RekeyControl {
  status(): Promise<RekeyStatus>;
  start(counts: ShareCounts, requester?: Requester): Promise<void>;
  /** The new shares when the last one needed has come; the old ones are worthless then. Undefined before. */
  update(share: Uint8Array, nonce: string, requester?: Requester): Promise<readonly Uint8Array[] | undefined>;
  /** `reason`: for the log. */
  cancel(requester?: Requester, reason?: string): void;
}

export interface GenerateRootStatus {
  readonly started: boolean;
  readonly nonce: string;
  readonly progress: number;
  readonly required: number;
  readonly complete: boolean;
  /** The token XOR the one-time password, base64 without padding; empty until complete. */
  readonly encodedToken: string;
  readonly otpLength: number;
}

/**
 * The seal as its API paths see it. Methods throw CofferError `sealed` ("Vault is sealed") where the seal must be open,
 * `invalid-request` for a wrong key, count, nonce or state.
 */
export interface SealControl {
  status(): Promise<SealStatus>;
  init(request: InitRequest): Promise<InitResult>;
  /** Hands in one share, which stays the requester's to wipe; the seal opens when there are enough. */
  unseal(share: Uint8Array, requester?: Requester): Promise<void>;
  /** Forgets the shares handed in so far. @throws CofferError `invalid-request` while the seal is open */
  resetUnseal(requester?: Requester): void;
  /** No new request from now on; what the core runs is ended as soon as the requests under way are over. */
  seal(requester?: Requester): void;
  keyStatus(): KeyStatus;
  /** New values are sealed under a new key from now on. */
  rotate(): Promise<void>;
  /** When the key is rotated by itself. */
  keyRotation(): Promise<KeyRotationConfig>;
  setKeyRotation(config: KeyRotationConfig): Promise<void>;
  /** Of the unseal key, or of the root key alone where the seal opens by itself. */
  readonly rekey: RekeyControl;
  /** Of the recovery key. */
  readonly rekeyRecovery: RekeyControl;
  readonly generateRoot: {
    status(): Promise<GenerateRootStatus>;
    /** `otp`: as long as a token. */
    start(otp: string, requester?: Requester): Promise<void>;
    update(share: Uint8Array, nonce: string, requester?: Requester): Promise<GenerateRootStatus>;
    cancel(requester?: Requester, reason?: string): void;
  };
}
