import { AsyncLocalStorage } from 'node:async_hooks';
import { PROCESS_ID, whileAwaited } from '@coffer/base';
import { stored } from '@coffer/framework';
import type { SqlResult, SqlStatement, Store } from '@coffer/store';

/** The statement that reads how far the store has come. {@link epochFrom} takes its row. */
export const READ_EPOCH = "SELECT epoch AS store_epoch FROM epoch WHERE name = 'store'";

/** Changes read at once. Whoever has missed more drops everything. */
const CHANGES_AT_ONCE = 1_000;
const KEPT_CHANGES = 10_000;

/** What a change concerns: `policy/reader`. What stands before the first slash is its kind. */
export type ChangeKey = `${string}/${string}`;

/**
 * Brings up to date what this node keeps of one kind. `names` is what changed, without the kind; undefined: anything may have.
 * When it rejects, the requests that need it fail, and the next one tries again.
 */
export type Follower = (names: readonly string[] | undefined) => void | Promise<void>;

interface Change {
  readonly epoch: number;
  /** The process that made it. */
  readonly node: string;
  readonly keys: readonly string[];
}

/**
 * Keeps what a node has in memory as new as the store. Every write of configuration counts the store's epoch up by one, in the
 * same transaction, and says what it changed. A request's first query reads the epoch; a node that is behind reads what
 * changed, and drops it, before it serves. The row of the epoch is locked until a write is committed, so epochs appear in
 * order and without gaps: whoever has read one sees everything up to it.
 */
export class Epochs {
  readonly #store: Store;
  readonly #onSeen: () => void;
  readonly #followers = new Map<string, Follower>();
  /** Messages to the other nodes, which the one that sends them does not follow. */
  readonly #messages = new Set<string>();
  /** Runs what many requests wait for outside of any of them. */
  readonly #apart = AsyncLocalStorage.snapshot();
  #seen = -1;
  #following: Promise<void> | undefined;

  /** `onSeen`: called when {@link seen} has changed. */
  constructor(store: Store, onSeen: () => void = () => undefined) {
    this.#store = store;
    this.#onSeen = onSeen;
  }

  /** The epoch that everything kept here is as new as. -1 before {@link begin}. */
  get seen(): number {
    return this.#seen;
  }

  /** Sets what follows the changes of a kind. */
  follow(kind: string, follower: Follower): void {
    this.#followers.set(kind, follower);
  }

  /** As {@link follow}, for what only the other nodes need to be told. */
  listen(kind: string, follower: Follower): void {
    this.follow(kind, follower);
    this.#messages.add(kind);
  }

  /** Call it before anything is read that is kept. Does nothing when it was called already. */
  async begin(): Promise<void> {
    if (this.#seen >= 0) return;
    const { rows } = await this.#store.run(READ_EPOCH);
    this.#seen = epochFrom(rows[0]);
    this.#onSeen();
  }

  /**
   * Runs statements in one transaction that tells every node what it changes. With `oneAfterTheOther`, they see what every
   * such transaction before has done.
   */
  async write(
    keys: readonly ChangeKey[],
    statements: readonly SqlStatement[],
    { oneAfterTheOther = false } = {},
  ): Promise<readonly SqlResult[]> {
    // Again, they tell once more of what has changed.
    const count = { sql: "UPDATE epoch SET epoch = epoch + 1 WHERE name = 'store'", repeatable: true };
    const tell = {
      sql: "INSERT INTO changes (epoch, node, what) SELECT epoch, $1, $2 FROM epoch WHERE name = 'store'",
      params: [PROCESS_ID, JSON.stringify({ keys })],
      repeatable: true,
    };
    if (oneAfterTheOther) {
      const [, ...results] = await this.#store.transaction([count, ...statements, tell]);
      return results.slice(0, statements.length);
    }
    // All writers share that row: it is locked as late as possible.
    const results = await this.#store.transaction([...statements, count, tell]);
    return results.slice(0, statements.length);
  }

  /** Resolves when everything kept here is at least as new as `epoch`. */
  async catchUp(epoch: number): Promise<void> {
    while (this.#seen < epoch) {
      this.#following ??= this.#apart(() => this.#follow(epoch)).finally(() => (this.#following = undefined));
      await whileAwaited(this.#following);
    }
  }

  /** Catches up with the store as it is now: for work that no request has begun. */
  async refresh(): Promise<void> {
    const { rows } = await this.#store.run(READ_EPOCH);
    await this.catchUp(epochFrom(rows[0]));
  }

  /** Forgets what has changed long ago. A node that has not seen it drops everything. */
  async prune(): Promise<void> {
    await this.#store.run('DELETE FROM changes WHERE epoch <= $1', [this.#seen - KEPT_CHANGES]);
  }

  async #follow(epoch: number): Promise<void> {
    const { rows } = await this.#store.run(
      'SELECT epoch, node, what FROM changes WHERE epoch > $1 ORDER BY epoch LIMIT $2',
      [this.#seen, CHANGES_AT_ONCE],
    );
    const changes = rows.map((row) => CHANGE({ ...row, ...parsed(row['what']) }, `changes/${String(row['epoch'])}`));
    const last = changes.at(-1)?.epoch ?? this.#seen;
    const whole = changes.every((change, index) => change.epoch === this.#seen + 1 + index) && last >= epoch;
    await (whole ? this.#tell(changes) : this.#tellAll());
    this.#seen = Math.max(last, epoch);
    this.#onSeen();
  }

  async #tell(changes: readonly Change[]): Promise<void> {
    const names = new Map<string, Set<string>>();
    for (const { node, keys } of changes) {
      for (const key of keys) {
        const end = key.indexOf('/');
        const kind = key.slice(0, end);
        if (node === PROCESS_ID && this.#messages.has(kind)) continue;
        names.set(kind, (names.get(kind) ?? new Set()).add(key.slice(end + 1)));
      }
    }
    // Keys before what they open, and so on: in the order in which they were set.
    for (const [kind, follower] of this.#followers) {
      const changed = names.get(kind);
      if (changed !== undefined) await follower([...changed]);
    }
  }

  async #tellAll(): Promise<void> {
    for (const follower of this.#followers.values()) await follower(undefined);
  }
}

const { entry, integer, string, strings } = stored;
const EPOCH = entry<{ readonly epoch: number }>({ epoch: integer() });
const CHANGE = entry<Change>({ epoch: integer(), node: string(), keys: strings() });

function parsed(what: unknown): object {
  return stored.parseObject(String(what), 'changes');
}

/** @throws CofferError `failed` when the row is missing or damaged */
export function epochFrom(row: Readonly<Record<string, unknown>> | undefined): number {
  return EPOCH({ epoch: row?.['store_epoch'] }, 'epoch/store').epoch;
}
