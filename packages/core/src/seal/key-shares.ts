import { timingSafeEqual } from 'node:crypto';
import { CofferError } from '@coffer/base';
import { combine, split } from 'shamir-secret-sharing';
import { KEY_BYTES } from '../barrier/sealed-value.ts';

/** How many shares a key is split into, and how many of them restore it. */
export interface ShareCounts {
  readonly shares: number;
  readonly threshold: number;
}

const MAX_SHARES = 255;

/** @throws CofferError `invalid-request` in Vault's words (hashicorp/vault:vault/seal.go SealConfig.Validate) */
export function checkShareCounts({ shares, threshold }: ShareCounts): void {
  const refuse = (message: string): never => {
    throw new CofferError('invalid-request', message);
  };
  if (shares < 1) refuse('shares must be at least one');
  if (threshold < 1) refuse('threshold must be at least one');
  if (shares > 1 && threshold === 1) refuse('threshold must be greater than one for multiple shares');
  if (shares > MAX_SHARES) refuse('shares must be less than 256');
  if (threshold > MAX_SHARES) refuse('threshold must be less than 256');
  if (threshold > shares) refuse('threshold cannot be larger than shares');
}

/** Shamir's secret sharing over GF(2^8); a single share is a copy of the key itself, as in Vault. */
export async function splitKey(key: Uint8Array, { shares, threshold }: ShareCounts): Promise<Uint8Array[]> {
  // The library takes no subclass of Uint8Array, so no Buffer.
  const copy = Uint8Array.from(key);
  if (shares === 1) return [copy];
  try {
    return await split(copy, shares, threshold);
  } finally {
    copy.fill(0);
  }
}

export async function combineShares(shares: readonly Uint8Array[]): Promise<Uint8Array> {
  const [only] = shares;
  if (shares.length === 1 && only !== undefined) return only;
  const copies = shares.map((share) => Uint8Array.from(share));
  try {
    return await combine(copies);
  } finally {
    for (const copy of copies) copy.fill(0);
  }
}

/**
 * A share as it is sent: hexadecimal or base64. A text that could be either is hexadecimal when that gives a share of a
 * valid length (openbao/openbao:internal/http/sys_seal.go).
 * @throws CofferError `invalid-request`
 */
export function parseShare(text: string): Uint8Array {
  if (text.length > MAX_TEXT) throw tooLong();
  const trimmed = text.trim();
  if (/^[0-9a-f]*$/i.test(trimmed) && isShareLength(trimmed.length / 2)) return unpooled(trimmed, 'hex');
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed) && trimmed.length % 4 === 0) return unpooled(trimmed, 'base64');
  throw new CofferError('invalid-request', "'key' must be a valid hex or base64 string");
}

/** Works with a share as it is sent, and wipes it afterwards. @throws CofferError `invalid-request`, and what `work` throws */
export async function withShare<T>(text: string, work: (share: Uint8Array) => Promise<T>): Promise<T> {
  const share = parseShare(text);
  try {
    return await work(share);
  } finally {
    share.fill(0);
  }
}

/** 16: the shortest key that AES takes. 33: a share of a key of 32 bytes, with its place on the polynomial. */
const MIN_BYTES = 16;
const MAX_BYTES = KEY_BYTES + 1;
/** Far more than 33 bytes take in hexadecimal, with surrounding white space. */
const MAX_TEXT = 256;

/** @throws CofferError `invalid-request` in Vault's words (openbao/openbao:internal/vault/seal_manager.go, unsealFragment) */
export function checkShare(share: Uint8Array): void {
  if (share.length < MIN_BYTES) {
    throw new CofferError('invalid-request', `key is shorter than minimum ${MIN_BYTES} bytes`);
  }
  if (share.length > MAX_BYTES) throw tooLong();
}

/**
 * Called before a share is kept, so that one that has lost some of its characters does not spoil those of the other holders.
 * Vault takes any from 16 to 33 bytes, finds out with the last one, and forgets them all.
 *
 * @throws CofferError `invalid-request` for a length that no share of `counts` has
 */
export function checkShareOf({ shares }: Pick<ShareCounts, 'shares'>, share: Uint8Array): void {
  checkShare(share);
  const expected = shares === 1 ? KEY_BYTES : KEY_BYTES + 1;
  if (share.length === expected) return;
  throw new CofferError(
    'invalid-request',
    `invalid key: it has ${share.length} bytes, but a share of this key has ${expected}`,
  );
}

function tooLong(): CofferError {
  return new CofferError('invalid-request', `key is longer than maximum ${MAX_BYTES} bytes`);
}

function isShareLength(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes >= MIN_BYTES && bytes <= MAX_BYTES;
}

/** In memory of its own, so that wiping it leaves no copy. */
function unpooled(text: string, encoding: 'hex' | 'base64'): Uint8Array {
  const bytes = Buffer.alloc(Buffer.byteLength(text, encoding));
  return bytes.subarray(0, bytes.write(text, encoding));
}

/** Shares handed in one by one, until there are enough. Kept in memory only. */
export class ShareCollection {
  readonly #shares: Uint8Array[] = [];

  get progress(): number {
    return this.#shares.length;
  }

  /**
   * Keeps a copy of a share, and returns whether it is new: handed in twice, it counts once.
   * @throws CofferError `invalid-request` for a length that no share has; nothing changes then
   */
  add(share: Uint8Array): boolean {
    checkShare(share);
    if (this.#shares.some((known) => known.length === share.length && timingSafeEqual(known, share))) return false;
    this.#shares.push(Uint8Array.from(share));
    return true;
  }

  clear(): void {
    for (const share of this.#shares) share.fill(0);
    this.#shares.length = 0;
  }

  /**
   * Works with the key of these shares, and wipes it afterwards; what it is good for, only its use can tell. Forgets the
   * shares whatever comes of it. @throws CofferError `invalid-request` when they make no key, and what `work` throws
   */
  async withKey<T>(work: (key: Uint8Array) => Promise<T>): Promise<T> {
    const key = await this.#combine();
    try {
      return await work(key);
    } finally {
      key.fill(0);
    }
  }

  async #combine(): Promise<Uint8Array> {
    try {
      const made = await combineShares(this.#shares);
      // A copy: of a single share, what was made is the share itself, which is forgotten.
      const key = Uint8Array.from(made);
      made.fill(0);
      return key;
    } catch (cause) {
      throw new CofferError('invalid-request', 'the key shares belong to different keys', { cause });
    } finally {
      this.clear();
    }
  }
}
