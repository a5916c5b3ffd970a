import { CofferError } from '@coffer/base';
import {
  foldName,
  isLockedOut,
  LOCKOUT_METHODS,
  LOGIN_FAILURES,
  STRANGER_FAILURES,
  strangerOf,
  type Mount,
  type UserLockout,
} from '@coffer/framework';
import { createEntryStorage, type EntryStorageParts } from '../barrier/entry-storage.ts';
import type { MountTable } from './mount-table.ts';
import { lockoutOf } from './mounted.ts';

/** Users of a mount looked at: each has failed to log in. */
const MOST_USERS = 10_000;
const PAGE = 500;

export interface LockedOut {
  readonly accessor: string;
  /** Their names, sorted. */
  readonly users: readonly string[];
}

export interface LockedUsersParts {
  readonly entries: EntryStorageParts;
  readonly mounts: MountTable;
  readonly userLockout: (type: string) => UserLockout;
}

/** Who is locked out of which auth method at the moment. */
export class LockedUsers {
  readonly #parts: LockedUsersParts;

  constructor(parts: LockedUsersParts) {
    this.#parts = parts;
  }

  /** Of the mount with this accessor, or of all. @throws CofferError `invalid-request` when there is no such mount */
  async list(accessor = ''): Promise<LockedOut[]> {
    const mounts = accessor === '' ? this.#methods() : [this.#method(accessor)];
    const found: LockedOut[] = [];
    for (const mount of mounts) found.push({ accessor: mount.accessor, users: await this.#lockedOut(mount) });
    return found;
  }

  /** Forgets that a user failed to log in. @throws CofferError `invalid-request` when there is no such mount */
  async unlock(accessor: string, given: string): Promise<void> {
    const mount = this.#method(accessor);
    // Its users log in by any spelling, and are counted under one.
    const user = mount.type === 'userpass' ? foldName(given) : given;
    const { storage, of } = this.#failures(mount);
    await of.delete(user);
    await storage.of(STRANGER_FAILURES.prefix, STRANGER_FAILURES.kind).delete(strangerOf(mount.uuid, user).number);
  }

  async #lockedOut(mount: Mount): Promise<string[]> {
    const { storage, of } = this.#failures(mount);
    const lockout = lockoutOf(mount, this.#parts.userLockout(mount.type));
    const locked: string[] = [];
    for (let after = '', seen = 0; seen < MOST_USERS; seen += PAGE) {
      const names = await storage.list(LOGIN_FAILURES.prefix, { after, limit: PAGE });
      for (const name of names) if (isLockedOut(await of.get(name), lockout)) locked.push(name);
      const last = names.at(-1);
      if (last === undefined || names.length < PAGE) break;
      after = last;
    }
    return locked;
  }

  #failures(mount: Mount) {
    const storage = createEntryStorage(this.#parts.entries, mount.uuid);
    return { storage, of: storage.of(LOGIN_FAILURES.prefix, LOGIN_FAILURES.kind) };
  }

  #method(accessor: string): Mount {
    const found = this.#methods().find((mount) => mount.accessor === accessor);
    if (found !== undefined) return found;
    throw new CofferError('invalid-request', 'no auth method whose users can be locked out has this mount_accessor');
  }

  #methods(): Mount[] {
    return this.#parts.mounts.list(true).filter(({ type }) => LOCKOUT_METHODS.includes(type));
  }
}
