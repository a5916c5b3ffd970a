import type { JsonObject } from '@coffer/base';
import type { TokenEntry } from './token-entry.ts';

/** What each token keeps for itself. It ends with its token, in the same transaction. */
export interface Cubbyholes {
  of(token: TokenEntry): Cubbyhole;
}

export interface Cubbyhole {
  get(name: string): Promise<JsonObject | undefined>;
  /**
   * @throws CofferError `invalid-request` when it is full, `permission-denied` when the token has ended meanwhile
   */
  put(name: string, value: JsonObject): Promise<void>;
  delete(name: string): Promise<void>;
  /** The names below `prefix` (empty, or with a trailing slash), sorted, one level deep: a deeper level shows as `name/`. */
  list(prefix: string): Promise<string[]>;
}
