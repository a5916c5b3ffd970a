import { CofferError } from '@coffer/base';
import { damaged, type SnapshotRow, type VerifiedSnapshot } from '@coffer/snapshot';
import type { Barrier } from '../barrier/barrier.ts';
import { FOR_NODES, parseSealConfig, type SealType } from '../seal/seal-rows.ts';

/** What the barrier binds the seal of a snapshot to. */
export const SNAPSHOT_PLACE = 'core/snapshot';
/** Without these rows of the keyring nothing could ever open it. */
const NEEDED = ['seal', 'root-key', 'keyring'];

type KnownKeys = Pick<Barrier, 'open' | 'opens' | 'lacksTermOf'>;

/** Whose keys a snapshot has: to be shown its rows first, and asked then. */
export class SnapshotKeys {
  readonly #barrier: KnownKeys;
  readonly #found = new Map<string, Uint8Array>();
  /** Whether something in it was sealed by this store. */
  #isOfThisStore = false;

  constructor(barrier: KnownKeys) {
    this.#barrier = barrier;
  }

  look(table: string, rows: readonly SnapshotRow[]): void {
    for (const row of rows) {
      const place = placeOf(table, row);
      const { name, value } = row;
      if (place === undefined || !(value instanceof Uint8Array)) continue;
      this.#isOfThisStore ||= this.#barrier.opens(place, value);
      if (table === 'keyring') this.#found.set(String(name), value);
    }
  }

  /** By what the snapshot is opened. @throws CofferError `invalid-request` when there are no such keys in it */
  get sealType(): SealType {
    const seal = this.#found.get('seal');
    if (seal === undefined || NEEDED.some((name) => !this.#found.has(name))) {
      throw new CofferError('invalid-request', 'the snapshot has no keys: its store was not initialized');
    }
    try {
      return parseSealConfig(seal).type;
    } catch {
      throw damaged('its seal is of another form');
    }
  }

  /**
   * Whether its store has, or had, the keys of this one: then its digest says so, which nobody else could seal.
   * @throws CofferError `invalid-request` when what this store has sealed is in it, and its digest is not that of this store
   */
  areOurs({ digest, sealedDigest }: Pick<VerifiedSnapshot, 'digest' | 'sealedDigest'>): boolean {
    if (this.#barrier.opens(SNAPSHOT_PLACE, sealedDigest)) {
      if (this.#barrier.open(SNAPSHOT_PLACE, sealedDigest)['digest'] === digest.toString('hex')) return true;
      this.#isOfThisStore = true;
    } else if (this.#isNewer(sealedDigest)) return false;
    if (this.#isOfThisStore)
      throw damaged('it is of this store, whose keys did not seal its checksums: it was altered');
    return false;
  }

  /** Whether it was taken after a rotation of which this store, put back from an older copy, does not know. */
  #isNewer(sealedDigest: Uint8Array): boolean {
    const forNodes = this.#found.get(FOR_NODES);
    return forNodes !== undefined && [sealedDigest, forNodes].every((value) => this.#barrier.lacksTermOf(value));
  }
}

/** Of rows that every store has. */
function placeOf(table: string, { mount, name }: SnapshotRow): string | undefined {
  if (table === 'entries') return `entries/${String(mount)}/${String(name)}`;
  return table === 'keyring' ? `keyring/${String(name)}` : undefined;
}
