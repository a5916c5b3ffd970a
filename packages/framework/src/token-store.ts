import { CofferError, type Secret } from '@coffer/base';
import type { Condition } from './condition.ts';
import type { ListPage } from './list-page.ts';
import type { LoginAlias } from './login-alias.ts';
import { multiError } from './multi-error.ts';
import type { TokenEntry } from './token-entry.ts';

export type NewToken = Omit<TokenEntry, 'id' | 'accessor' | 'usesLeft' | 'lastRenewal' | 'type'> & {
  /** Default: `service`. */
  readonly type?: TokenEntry['type'];
  /** Whom it is for: the entity is found by this, or made with the token. */
  readonly alias?: LoginAlias & { readonly mountAccessor: string };
  /** The token itself; made when absent. */
  readonly token?: string;
  /** What must hold at the moment it is inserted, besides that its parent is valid. */
  readonly provided?: readonly Condition[];
  /** What the error says if that does not hold. Default: `permission denied`. */
  readonly otherwise?: string;
  /** Whether it has a lease, by which it is listed and revoked. Default: yes. As in Vault, a server's own root token has none. */
  readonly leased?: boolean;
};

/** A token as it was made. */
export interface CreatedToken {
  readonly token: Secret;
  readonly entry: TokenEntry;
  /** What its entity and the groups of that add to its own policies now; sorted. */
  readonly identityPolicies: readonly string[];
  /** Whether its entity was made with it. */
  readonly entityCreated?: boolean;
}

/** What a request's first query has found. */
export interface Arrival {
  readonly epoch: number;
  /** Of its token, if that is valid. */
  readonly entry?: TokenEntry;
}

export interface TokenStore {
  /**
   * @throws CofferError `permission-denied` when the parent is no longer valid, what is `provided` no longer holds, or the entity
   *   is disabled; `invalid-request` for a batch token that would be too long
   */
  create(token: NewToken): Promise<CreatedToken>;
  /** A request's first query: the entry of its token if that is valid now, and how far the store has come. `token` may be empty. */
  arrive(token: string): Arrival | Promise<Arrival>;
  /** Uses up one of a token's uses. Undefined when there is none left. */
  spend(entry: TokenEntry): Promise<TokenEntry | undefined>;
  /** The entry of a token that is valid now, without using it. */
  lookup(token: string): Promise<TokenEntry | undefined>;
  /** The entry of the token of an accessor that is valid now. */
  byAccessor(accessor: string): Promise<TokenEntry | undefined>;
  /** The id of a token, whether or not it exists: one that has expired may still have children to be revoked. */
  idOf(token: string): string;
  /** The id of the token of an accessor, which may have expired. */
  idOfAccessor(accessor: string): Promise<string | undefined>;
  /** The entry of the token that has this lease, and is valid now. */
  byLease(lease: string): Promise<TokenEntry | undefined>;
  /** The id of the token that has this lease, which may have expired. */
  idOfLease(lease: string): Promise<string | undefined>;
  /** The accessors of all tokens, sorted. */
  accessors(page?: ListPage): Promise<string[]>;
  /**
   * Revokes tokens, their descendants and all their leases, in one transaction: once it resolves, none of them works, and what
   * they had begun to create is refused or undone.
   */
  revoke(ids: string | readonly string[]): Promise<void>;
  /** Revokes a token and its leases, but not its children: they become orphans. */
  revokeOrphaning(id: string): Promise<void>;
  /** @throws CofferError `permission-denied` when the token has ended meanwhile: nothing brings it back */
  extend(entry: TokenEntry, expireTime: number): Promise<void>;
  /**
   * Revokes every token that was issued by a request below `prefix` (`auth/userpass/`, `auth/userpass/login/ana/`), as
   * {@link revoke} does: each whose lease lies there.
   */
  revokeIssuedBelow(prefix: string): Promise<void>;
  /** The ids of tokens that are over: up to `limit` by their time, and up to `limit` by their uses. */
  expired(now: number, limit: number): Promise<string[]>;
  /** Ends tokens that are over, with their children; without them where {@link revokeOrphaning} had begun to, and was cut off. */
  endExpired(ids: readonly string[]): Promise<void>;
  /** When the next token expires, in milliseconds since 1970. */
  nextExpiry(): Promise<number | undefined>;
}

/** For an accessor that no token has, in Vault's words: clients look for them. */
export function invalidAccessor(): CofferError {
  return new CofferError('invalid-request', multiError(['invalid accessor']));
}
