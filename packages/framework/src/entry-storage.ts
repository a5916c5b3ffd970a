import type { JsonObject } from '@coffer/base';
import type { Condition } from './condition.ts';
import type { ListPage } from './list-page.ts';

/** The sealed key/value entries of one mount. Names are paths: `config/yugabytedb`, `roles/my-first-role`. */
export interface EntryStorage {
  get(name: string): Promise<JsonObject | undefined>;
  /** A value with the condition that it is still this one: for what is made on the strength of it. */
  read(name: string): Promise<{ readonly value: JsonObject; readonly unchanged: Condition } | undefined>;
  /** That there is an entry of this name, whatever its value. */
  there(name: string): Condition;
  put(name: string, value: JsonObject): Promise<void>;
  /** Puts a new value while every condition holds. Returns whether they did. */
  putWhile(name: string, value: JsonObject, conditions: readonly Condition[]): Promise<boolean>;
  delete(name: string): Promise<void>;
  /** Reads and deletes in one: of several callers only one gets the value. */
  take(name: string): Promise<JsonObject | undefined>;
  /**
   * Replaces a value by what `change` makes of it, or deletes it when that is undefined, only if nobody else changed it
   * meanwhile; otherwise `change` is asked again with the newer value. Returns what `change` was last given.
   */
  update(name: string, change: (value: JsonObject) => JsonObject | undefined): Promise<JsonObject | undefined>;
  /** The names under `prefix` (empty, or with trailing slash), without it, sorted; those of one page only when one is given. */
  list(prefix: string, page?: ListPage): Promise<string[]>;
  /** Removes every entry of the mount. */
  clear(): Promise<void>;
}
