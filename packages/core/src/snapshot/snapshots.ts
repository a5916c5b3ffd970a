import { CofferError, errorText, type Logger, randomId, VERSION, withoutDeadline } from '@coffer/base';
import { readSnapshot, type SnapshotMeta, SnapshotWriter, Spool, type VerifiedSnapshot } from '@coffer/snapshot';
import { type BulkAccess, SCHEMA_VERSION, type Store, TABLES } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import type { Epochs } from '../epochs/epochs.ts';
import type { SealType } from '../seal/seal-rows.ts';
import { replaceAll } from './replace-all.ts';
import { SNAPSHOT_PLACE, SnapshotKeys } from './snapshot-keys.ts';
import { checkSchema, isLasting, tablesOfSnapshot } from './snapshot-rows.ts';

/** The longest snapshot that is taken from a client, in bytes: it is kept on the disk on its way. */
const LONGEST = 64 * 1024 ** 3;

const BUSY = 'another snapshot is being taken or restored; try again when it is done';
/** In Vault's words (openbao/openbao:internal/vault/logical_system_raft.go). */
const OTHER_KEYS =
  'could not verify hash file, possibly the snapshot is using a different set of unseal keys; use the snapshot-force API to bypass this check';

export interface SnapshotsOptions {
  readonly store: Store;
  /** As `sys/seal-status` names it. */
  readonly storageType: string;
  readonly clusterName: string;
  readonly barrier: Barrier;
  readonly epochs: Epochs;
  readonly logger: Logger;
}

export interface RestoredSnapshot {
  /** Leases of the store before that nobody knows any more. None with the same keys. */
  readonly forgottenLeases: number;
  /** With keys that the nodes do not have they are sealed now, and this is the seal that opens them. */
  readonly sealedBy?: SealType;
}

interface Known extends Pick<VerifiedSnapshot, 'meta'> {
  readonly sealType: SealType;
  readonly isOurs: boolean;
}

/** Copies of the store as clients take them away and bring them back: values stay sealed as they are. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  #isBusy = false;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /**
   * A snapshot of the store as it is when the first chunk is asked for. It is written to a file at the store's own speed: a slow
   * client keeps no transaction open.
   *
   * @throws CofferError `too-many-requests` while another one is under way, `unsupported`, and as the store does
   */
  async *save(): AsyncGenerator<Uint8Array> {
    const bulk = this.#bulk();
    const free = this.#begin();
    try {
      const spool = await Spool.make();
      const written = this.#write(bulk, spool).then(
        () => spool.end(),
        (error: unknown) => spool.fail(CofferError.from(error)),
      );
      try {
        yield* spool.read();
      } finally {
        spool.fail(new CofferError('failed', 'the client stopped reading the snapshot'));
        await written;
        await spool.close();
      }
    } finally {
      free();
    }
  }

  /**
   * Replaces what is in the store by what is in a snapshot, at once and for every node. `force`: also one of a store with other keys,
   * which every node then has to be unsealed with. Nothing has changed when it rejects. What was altered is refused either way.
   *
   * @throws CofferError `invalid-request` for what is no snapshot, is damaged, or has other keys; `too-many-requests`; and as the
   *   store does
   */
  async restore(body: AsyncIterable<Uint8Array>, force: boolean): Promise<RestoredSnapshot> {
    const bulk = this.#bulk();
    const free = this.#begin();
    try {
      const spool = await Spool.make(LONGEST);
      try {
        for await (const chunk of body) await spool.append(chunk);
        spool.end();
        const keys = new SnapshotKeys(this.#options.barrier);
        const snapshot = await readSnapshot(spool.read(), {
          onMeta: checkSchema,
          onRows: async (table, rows) => keys.look(table, rows),
        });
        const { sealType } = keys;
        const isOurs = keys.areOurs(snapshot);
        if (!isOurs && !force) throw new CofferError('invalid-request', OTHER_KEYS);
        // Whoever asked may give up; what is begun is finished.
        return await withoutDeadline(() => this.#replace(bulk, spool, { ...snapshot, sealType, isOurs }));
      } finally {
        await spool.close();
      }
    } finally {
      free();
    }
  }

  async #write(bulk: BulkAccess, spool: Spool): Promise<void> {
    const { storageType: storage, clusterName, barrier, logger } = this.#options;
    const created = new Date().toISOString();
    const meta: SnapshotMeta = {
      ...{ id: randomId(), created, version: VERSION, schema: SCHEMA_VERSION, storage, clusterName },
      tables: tablesOfSnapshot(),
    };
    const writer = new SnapshotWriter({
      meta,
      take: (bytes) => spool.append(bytes),
      seal: (digest) => barrier.seal(SNAPSHOT_PLACE, { digest: digest.toString('hex') }),
    });
    try {
      await bulk.dump(TABLES, ({ name }, rows) =>
        writer.add(
          name,
          rows.filter((row) => isLasting(name, row)),
        ),
      );
      const counts = await writer.finish();
      logger.info('took a snapshot', { id: meta.id, rows: counts.reduce((sum, { rows }) => sum + rows, 0) });
    } catch (error) {
      logger.warn('failed to take a snapshot', { error: errorText(error) });
      throw error;
    } finally {
      await writer.abandon();
    }
  }

  async #replace(bulk: BulkAccess, spool: Spool, { meta, sealType, isOurs }: Known): Promise<RestoredSnapshot> {
    const { epochs, logger } = this.#options;
    const { forgottenLeases } = await replaceAll(bulk, () => spool.read(), isOurs);
    logger.warn('a snapshot was restored: the store was replaced', { id: meta.id, created: meta.created });
    if (forgottenLeases > 0) {
      logger.warn('leases of the replaced store were forgotten, and will not be revoked', { leases: forgottenLeases });
    }
    try {
      await epochs.refresh();
      return { forgottenLeases };
    } catch (error) {
      logger.info('this node cannot continue with the restored store by itself', { error: errorText(error) });
      return { forgottenLeases, ...(CofferError.from(error).code === 'sealed' && { sealedBy: sealType }) };
    }
  }

  #bulk(): BulkAccess {
    const { bulk } = this.#options.store;
    if (bulk === undefined) throw new CofferError('unsupported', 'this store cannot be read as a whole');
    return bulk;
  }

  /** Each takes room on the disk, and one of them the whole store. Returns what says that it is over. */
  #begin(): () => void {
    if (this.#isBusy) throw new CofferError('too-many-requests', BUSY);
    this.#isBusy = true;
    return () => (this.#isBusy = false);
  }
}
