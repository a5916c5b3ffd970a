import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Resolves when a claim is still held, without asking anybody where that is certain.
 * @throws CofferError `unavailable` when somebody else has taken it over, or the store cannot be asked
 */
export type ClaimCheck = () => Promise<void>;

const current = new AsyncLocalStorage<ClaimCheck>();

/** Runs `work`, and all that it starts, under a claim. */
export function underClaim<T>(check: ClaimCheck, work: () => T): T {
  return current.run(check, work);
}

export function currentClaim(): ClaimCheck | undefined {
  return current.getStore();
}

/**
 * To be called with a connection in hand, right before an effect is sent over it: this process may have been stopped, and taken for
 * dead, since it claimed what it works on. Whoever took that over has ended the connections that there were, so only one that was
 * opened later could still do harm, and that one comes through here again.
 * @throws CofferError as {@link ClaimCheck} does
 */
export async function requireClaim(): Promise<void> {
  await current.getStore()?.();
}
