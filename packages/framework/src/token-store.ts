import type { Secret } from '@coffer/base';
import type { Condition } from './condition.ts';
import type { ListPage } from './list-page.ts';
import type { TokenEntry } from './token-entry.ts';

export type NewToken = Omit<TokenEntry, 'id' | 'accessor' | 'usesLeft' | 'lastRenewal' | 'type'> & {
  /** The token itself; made when absent. */
  readonly token?: string;
  /** What must hold in the moment that it is inserted, besides that its parent is valid. */
  readonly provided?: readonly Condition[];
  /** What the error says when that does not hold. Default: `permission denied`. */
  readonly otherwise?: string;
};

export interface TokenStore {
  /** @throws CofferError `permission-denied` when the parent, or what it is made on the strength of, is there no longer */
  create(token: NewToken): Promise<{ token: Secret; entry: TokenEntry }>;
  /** The entry of a token that is valid now and that `allowed` takes, using up one of its uses; otherwise it costs none. */
  use(token: string, allowed?: (entry: TokenEntry) => boolean): Promise<TokenEntry | undefined>;
  /** The entry of a token that is valid now, without using it. */
  lookup(token: string): Promise<TokenEntry | undefined>;
  byId(id: string): Promise<TokenEntry | undefined>;
  byAccessor(accessor: string): Promise<TokenEntry | undefined>;
  /** The id of a token, whether or not there is such: what has expired may still have children to be ended. */
  idOf(token: string): string;
  /** The id of the token of an accessor, which may have expired. */
  idOfAccessor(accessor: string): Promise<string | undefined>;
  /** The accessors of all tokens, sorted. */
  accessors(page?: ListPage): Promise<string[]>;
  /**
   * Ends tokens, their descendants and all their leases, in one transaction: once it resolves, none of them works, and what
   * they had begun to make is refused or undone.
   */
  revoke(ids: string | readonly string[]): Promise<void>;
  /** Ends a token and its leases. Its children stay, without a parent. */
  revokeOrphaning(id: string): Promise<void>;
  /** @throws CofferError `permission-denied` when the token has ended meanwhile: nothing brings it back */
  extend(id: string, expireTime: number): Promise<void>;
  /**
   * Ends every token that was issued by a request below `prefix` (`auth/userpass/`, `auth/userpass/login/ana/`), as
   * {@link revoke}. Tokens without an end stay: Vault finds tokens by their leases, and these have none.
   */
  revokeIssuedBelow(prefix: string): Promise<void>;
  /** The ids of tokens to be ended: of `limit` whose time is over, and of `limit` whose uses are. */
  expired(now: number, limit: number): Promise<string[]>;
  /** When the next token is to be ended, in milliseconds since 1970. */
  nextExpiry(): Promise<number | undefined>;
}
