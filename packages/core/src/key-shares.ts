import { CofferError } from '@coffer/base';
import { combine, split } from 'shamir-secret-sharing';

/** Into how many shares a key is split, and how many of them make it again. */
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

/** Shamir's secret sharing over GF(2^8); a single share is the key itself, as in Vault. */
export async function splitKey(key: Uint8Array, { shares, threshold }: ShareCounts): Promise<Uint8Array[]> {
  // The library takes no subclass of Uint8Array, so no Buffer.
  return shares === 1 ? [key] : split(Uint8Array.from(key), shares, threshold);
}

export async function combineShares(shares: readonly Uint8Array[]): Promise<Uint8Array> {
  const [only] = shares;
  return shares.length === 1 && only !== undefined ? only : combine(shares.map((share) => Uint8Array.from(share)));
}

/**
 * A share as people type it: hexadecimal or base64.
 * @throws CofferError `invalid-request`
 */
export function parseShare(text: string): Uint8Array {
  const trimmed = text.trim();
  if (/^([0-9a-f]{2})+$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed) && trimmed.length % 4 === 0) return Buffer.from(trimmed, 'base64');
  throw new CofferError('invalid-request', "'key' must be a valid hex or base64 string");
}

/** Shares handed in one by one, until there are enough. Kept in memory only. */
export class ShareCollection {
  readonly #shares: Uint8Array[] = [];

  get progress(): number {
    return this.#shares.length;
  }

  /** A share that is here already counts once. Returns whether it is a new one. */
  add(share: Uint8Array): boolean {
    if (this.#shares.some((known) => Buffer.compare(known, share) === 0)) return false;
    this.#shares.push(share);
    return true;
  }

  clear(): void {
    for (const share of this.#shares) share.fill(0);
    this.#shares.length = 0;
  }

  /** The key of these shares; what it is good for, only its use can tell. Forgets the shares. */
  async combine(): Promise<Uint8Array> {
    try {
      return Uint8Array.from(await combineShares(this.#shares));
    } catch (cause) {
      throw new CofferError('invalid-request', 'the key shares do not belong together', { cause });
    } finally {
      this.clear();
    }
  }
}
