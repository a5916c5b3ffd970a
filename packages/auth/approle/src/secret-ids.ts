import { createHmac } from 'node:crypto';
import { CofferError, isCofferError, randomId } from '@coffer/base';
import { cidrsAllow, type Condition, type Entries, type EntryStorage, stored } from '@coffer/framework';
import type { RoleEntry } from './role-entry.ts';

/** A secret id of a role. Times are milliseconds since 1970, durations seconds. The secret id itself is not in it. */
export interface SecretIdEntry {
  readonly accessor: string;
  /** As generated; 0 for no limit. */
  readonly numUses: number;
  /** 0 for no limit. */
  readonly usesLeft: number;
  readonly ttl: number;
  readonly creationTime: number;
  readonly lastUpdated: number;
  /** null for no end. */
  readonly expireTime: number | null;
  readonly boundCidrs: readonly string[];
  readonly tokenBoundCidrs: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

const { entry, integer, nullable, string, stringMap, strings } = stored;
const SECRET_ID = entry<SecretIdEntry>({
  accessor: string(),
  numUses: integer(),
  usesLeft: integer(),
  ttl: integer(),
  creationTime: integer(),
  lastUpdated: integer(),
  expireTime: nullable(integer()),
  boundCidrs: strings(),
  tokenBoundCidrs: strings(),
  metadata: stringMap(),
});
/** By accessor: under what the secret id is kept. */
const ACCESSOR = entry<{ readonly hash: string }>({ hash: string() });

export type NewSecretId = Pick<SecretIdEntry, 'numUses' | 'ttl' | 'boundCidrs' | 'tokenBoundCidrs' | 'metadata'>;

/** Between two sweeps for what has expired, in milliseconds: secret ids only pile up where they are generated. */
const SWEEP_INTERVAL_MS = 3_600_000;

/** The secret ids of every role of one mount, found by their HMAC under the role's key, or by accessor. */
export class SecretIds {
  readonly #storage: EntryStorage;
  #nextSweep = Date.now() + SWEEP_INTERVAL_MS;

  constructor(storage: EntryStorage) {
    this.#storage = storage;
  }

  /** @throws CofferError `invalid-request` when the role already has this secret id */
  async create(name: string, role: RoleEntry, secretId: string, given: NewSecretId): Promise<SecretIdEntry> {
    if (Date.now() > this.#nextSweep) await this.#sweepAlong();
    const now = Date.now();
    const made: SecretIdEntry = {
      ...given,
      accessor: randomId(),
      usesLeft: given.numUses,
      creationTime: now,
      lastUpdated: now,
      expireTime: given.ttl > 0 ? now + given.ttl * 1000 : null,
    };
    const hash = hashOf(role, secretId);
    if ((await this.#byHash(name, hash)) !== undefined) {
      throw new CofferError('invalid-request', 'SecretID is already registered');
    }
    await this.#accessors(name).put(made.accessor, { hash });
    await this.#secretIds(name).put(hash, made);
    return made;
  }

  /**
   * Uses a secret id up by one, and ends it after its last use: of several logins at once no more succeed than it has uses.
   * `proof` holds until the secret id is destroyed. One with a number of uses has none: the login that takes the last one ends
   * the others' secret id as well, and each of their uses was counted before.
   * What `check` throws, for an address that it is not bound to, costs no use.
   */
  async use(
    name: string,
    role: RoleEntry,
    secretId: string,
    check: (entry: SecretIdEntry) => void,
  ): Promise<{ readonly entry: SecretIdEntry; readonly proof: readonly Condition[] } | undefined> {
    const hash = hashOf(role, secretId);
    const used = await this.#secretIds(name).update(hash, (present) => {
      if (isExpired(present)) return undefined;
      check(present);
      if (present.usesLeft === 0) return present;
      return present.usesLeft === 1
        ? undefined
        : { ...present, usesLeft: present.usesLeft - 1, lastUpdated: Date.now() };
    });
    if (used === undefined) return undefined;
    if (isExpired(used) || used.usesLeft === 1) await this.#accessors(name).delete(used.accessor);
    if (isExpired(used)) return undefined;
    return { entry: used, proof: used.numUses > 0 ? [] : [this.#storage.there(`secret-id/${name}/${hash}`)] };
  }

  lookup(name: string, role: RoleEntry, secretId: string): Promise<SecretIdEntry | undefined> {
    return this.#byHash(name, hashOf(role, secretId));
  }

  async byAccessor(name: string, accessor: string): Promise<SecretIdEntry | undefined> {
    const found = await this.#accessors(name).get(accessor);
    return found && this.#byHash(name, found.hash);
  }

  async destroy(name: string, role: RoleEntry, secretId: string): Promise<void> {
    const taken = await this.#secretIds(name).take(hashOf(role, secretId));
    if (taken !== undefined) await this.#accessors(name).delete(taken.accessor);
  }

  /** Returns whether there was one. */
  async destroyByAccessor(name: string, accessor: string): Promise<boolean> {
    const taken = await this.#accessors(name).take(accessor);
    if (taken === undefined) return false;
    await this.#secretIds(name).delete(taken.hash);
    return true;
  }

  /** The accessors of a role's secret ids. */
  async accessors(name: string): Promise<string[]> {
    const all = await this.#storage.list(`accessor/${name}/`);
    const alive = await Promise.all(all.map((accessor) => this.byAccessor(name, accessor)));
    return all.filter((_, index) => alive[index] !== undefined);
  }

  async destroyAll(name: string): Promise<void> {
    for (const accessor of await this.#storage.list(`accessor/${name}/`)) await this.destroyByAccessor(name, accessor);
  }

  /**
   * Removes what has expired, and accessors whose secret id is gone.
   * @throws CofferError `failed` naming the first that is damaged, when the others have been looked at
   */
  async sweep(): Promise<void> {
    this.#nextSweep = Date.now() + SWEEP_INTERVAL_MS;
    let damage: CofferError | undefined;
    for (const path of await this.#storage.list('accessor/')) {
      const [name = '', accessor = ''] = path.split('/');
      try {
        if ((await this.byAccessor(name, accessor)) === undefined) await this.destroyByAccessor(name, accessor);
      } catch (thrown) {
        if (!isCofferError(thrown, 'failed')) throw thrown;
        damage ??= thrown;
      }
    }
    if (damage !== undefined) throw damage;
  }

  /** A secret id that is damaged is no reason to make no other. */
  async #sweepAlong(): Promise<void> {
    try {
      await this.sweep();
    } catch (thrown) {
      if (!isCofferError(thrown, 'failed')) throw thrown;
    }
  }

  async #byHash(name: string, hash: string): Promise<SecretIdEntry | undefined> {
    const found = await this.#secretIds(name).get(hash);
    return found === undefined || isExpired(found) ? undefined : found;
  }

  #secretIds(name: string): Entries<SecretIdEntry> {
    return this.#storage.of(`secret-id/${name}/`, SECRET_ID);
  }

  #accessors(name: string): Entries<{ readonly hash: string }> {
    return this.#storage.of(`accessor/${name}/`, ACCESSOR);
  }
}

function hashOf(role: RoleEntry, secretId: string): string {
  return createHmac('sha256', Buffer.from(role.hmacKey, 'base64')).update(secretId).digest('hex');
}

function isExpired(entry: SecretIdEntry): boolean {
  return entry.expireTime !== null && entry.expireTime <= Date.now();
}

/** @throws CofferError `permission-denied` when one of the lists does not allow the address */
export function checkAddress(lists: readonly (readonly string[])[], address: string): void {
  if (lists.every((cidrs) => cidrsAllow(cidrs, address))) return;
  throw new CofferError(
    'permission-denied',
    `source address ${JSON.stringify(address)} unauthorized through CIDR restrictions on the secret ID`,
  );
}
