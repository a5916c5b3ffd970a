import { CofferError, errorText } from '@coffer/base';
import type { Claims } from './claims.ts';

/** The keys of one issuer. */
export interface KeySet {
  /**
   * What a token claims, once one of the keys has verified its signature with one of `algorithms`.
   * @throws CofferError `invalid-request` when none does, `failed` when the keys cannot be had
   */
  verify(token: string, algorithms: readonly string[]): Promise<Claims>;
}

/**
 * As {@link KeySet.verify}, with the first of several sets that has the key.
 * @throws CofferError as the last one does: `failed` if any of them cannot be had, for it may have had the key
 */
export async function verifyWithAny(
  sets: readonly KeySet[],
  token: string,
  algorithms: readonly string[],
): Promise<Claims> {
  let refusal: CofferError | undefined;
  for (const set of sets) {
    try {
      return await set.verify(token, algorithms);
    } catch (thrown) {
      const error = thrown instanceof CofferError ? thrown : new CofferError('internal', errorText(thrown));
      refusal = refusal?.code === 'failed' ? refusal : error;
    }
  }
  throw refusal ?? new CofferError('failed', 'there are no keys');
}
