import type { Secret } from '@coffer/base';
import type { NodeControl } from '../nodes/node-control.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import type { KeyRotationConfig, KeyStatus } from './key-rotation.ts';
import type { ShareCounts } from './key-shares.ts';
import type { SealConfig } from './seal-rows.ts';

export interface SealStatus {
  readonly type: SealConfig['type'];
  readonly initialized: boolean;
  readonly sealed: boolean;
  /** 0 before the store is initialized, as is `threshold`. */
  readonly shares: number;
  readonly threshold: number;
  /** Shares handed in so far, and the nonce of this attempt: empty when there is none. */
  readonly progress: number;
  readonly nonce: string;
  /** Whether it opens by itself: `shares` and `threshold` are then those of the recovery key. */
  readonly recoverySeal: boolean;
  /** Whether the store waits to be moved to the seal that is configured. Its shares are then to be handed in for that. */
  readonly migration: boolean;
  /** Why a seal that opens by itself has not opened yet. Strangers may read it. */
  readonly problem?: string;
  /** Only while unsealed. */
  readonly cluster?: ClusterIdentity;
}

/** `shares`: closed, with some shares handed in. */
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
  /** How many shares of the present key are needed. */
  readonly required: number;
}

/** Nodes by their addresses. */
export interface SealedNodes {
  readonly sealed: readonly string[];
  /** Those that did not say so in 10 s. They are sealed before they serve another request, if they still can. */
  readonly notHeard: readonly string[];
}

/** Who asks, for the log. */
export interface Requester {
  readonly remoteAddress: string;
  /** Of the token, where there is one. */
  readonly accessor?: string;
}

/**
 * New shares for old ones, agreed on by the holders of the old. The requester wipes the share that it hands in. Each step may
 * be taken through another node.
 */
export interface RekeyControl {
  status(): Promise<RekeyStatus>;
  start(counts: ShareCounts, requester?: Requester): Promise<RekeyStatus>;
  /** Undefined until the last share needed is handed in; then the new shares, and the old ones are worthless. */
  update(share: Uint8Array, nonce: string, requester?: Requester): Promise<readonly Uint8Array[] | undefined>;
  cancel(requester?: Requester): Promise<void>;
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
  readonly node: NodeControl;
  status(): Promise<SealStatus>;
  init(request: InitRequest): Promise<InitResult>;
  /** Hands in one share, which the requester wipes; the seal opens when there are enough. */
  unseal(share: Uint8Array, requester?: Requester): Promise<void>;
  /** As {@link unseal}, with a share of the seal that the store has, to move it to the one that is configured before it opens. */
  unsealAndMigrate(share: Uint8Array, requester?: Requester): Promise<void>;
  /** Forgets the shares handed in so far. @throws CofferError `invalid-request` while the seal is open */
  resetUnseal(requester?: Requester): void;
  /** Takes no new requests from now on, and ends the core as soon as those under way are over. The other nodes stay open. */
  seal(requester?: Requester): void;
  /** Addresses of the other nodes that are open. Empty when the store does not say in time: nothing waits for it. */
  openNodes(): Promise<readonly string[]>;
  /** As {@link seal}, for every node; this one is the last. */
  sealAll(requester?: Requester): Promise<SealedNodes>;
  keyStatus(): KeyStatus;
  /** From now on, new values are sealed under a new key. */
  rotate(): Promise<void>;
  /** When the key is rotated automatically. */
  keyRotation(): Promise<KeyRotationConfig>;
  setKeyRotation(config: KeyRotationConfig): Promise<void>;
  /** For the unseal key; for the root key alone where the seal opens by itself. */
  readonly rekey: RekeyControl;
  /** For the recovery key. */
  readonly rekeyRecovery: RekeyControl;
  readonly generateRoot: {
    status(): Promise<GenerateRootStatus>;
    /** `otp`: as long as a token. */
    start(otp: string, requester?: Requester): Promise<GenerateRootStatus>;
    update(share: Uint8Array, nonce: string, requester?: Requester): Promise<GenerateRootStatus>;
    cancel(requester?: Requester): Promise<void>;
  };
}
