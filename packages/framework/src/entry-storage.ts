import type { Condition } from './condition.ts';
import type { ListPage } from './list-page.ts';
import type { Kind } from './stored.ts';

/**
 * The encrypted entries of one mount. Names are paths: `config/yugabytedb`, `roles/my-first-role`. What they hold can only be
 * read by its declaration ({@link EntryStorage.of}).
 */
export interface EntryStorage {
  /** The entries whose names begin with `prefix` (`roles/`, or empty), and which hold what `kind` declares. */
  of<T extends object>(prefix: string, kind: Kind<T>): Entries<T>;
  /**
   * As {@link of}, for configuration: what is written seldom and read often. It is kept in memory, on every node as new as the
   * store when a request began. Each write costs a row that all such writes share, so this is not for what requests leave behind.
   */
  kept<T extends object>(prefix: string, kind: Kind<T>): Entries<T>;
  /** The condition that there is an entry of this name, whatever its value. */
  there(name: string): Condition;
  /** The names under `prefix` (empty, or with a trailing slash), without it, sorted; only those of a page if one is given. */
  list(prefix: string, page?: ListPage): Promise<string[]>;
  /** Removes every entry of the mount. */
  clear(): Promise<void>;
}

/**
 * Entries of one kind. A name is what follows the prefix.
 *
 * Methods that read throw CofferError `failed` for an entry that is damaged, naming its row and field.
 */
export interface Entries<T> {
  get(name: string): Promise<T | undefined>;
  /** As {@link get}, from the store in any case: what has changed since the request began is seen. */
  getNow(name: string): Promise<T | undefined>;
  /** A value with the condition that it is still the same: for whatever is created because of it. */
  read(name: string): Promise<{ readonly value: T; readonly unchanged: Condition } | undefined>;
  put(name: string, value: T): Promise<void>;
  delete(name: string): Promise<void>;
  /** Puts a value where there is none. Returns whether there was none. */
  add(name: string, value: T): Promise<boolean>;
  /** Puts a new value if every condition holds. Returns whether they did. */
  putWhile(name: string, value: T, conditions: readonly Condition[]): Promise<boolean>;
  /** Puts a value where there is none, if every condition holds. Returns whether it did. */
  addWhile(name: string, value: T, conditions: readonly Condition[]): Promise<boolean>;
  /** Puts a value, over the one that is there, if every condition holds. Returns whether they did. */
  replaceWhile(name: string, value: T, conditions: readonly Condition[]): Promise<boolean>;
  /** Deletes a value if every condition holds. */
  deleteWhile(name: string, conditions: readonly Condition[]): Promise<void>;
  /** Reads and deletes in one step: of several callers only one gets the value. */
  take(name: string): Promise<T | undefined>;
  /**
   * Replaces a value with what `change` makes of it, or deletes it when that is undefined, unless somebody else has changed it
   * meanwhile: then `change` is called again with the newer value. Returns what `change` was last given.
   */
  update(name: string, change: (value: T) => T | undefined): Promise<T | undefined>;
}
