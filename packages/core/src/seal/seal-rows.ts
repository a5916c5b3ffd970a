import { CofferError } from '@coffer/base';
import { stored } from '@coffer/framework';
import type { SqlStatement, Store } from '@coffer/store';
import { Epochs } from '../epochs/epochs.ts';
import { KEYRING_ROW, type Keyring, keyringFromBytes, keyringToBytes } from '../barrier/keyring.ts';
import type { ShareCounts } from './key-shares.ts';
import { openValue, sealValue } from '../barrier/sealed-value.ts';

const TYPES = ['shamir', 'static', 'transit'] as const;
export type SealType = (typeof TYPES)[number];

/** How the root key is sealed. `shares` and `threshold` are of the recovery key when the seal opens by itself. */
export interface SealConfig extends ShareCounts {
  readonly type: SealType;
  /** Which key it is, where the seal opens by itself. */
  readonly keyId?: string;
  /** That key, as another server has sealed it, and can open it again. */
  readonly wrappedKey?: string;
}

/** What the store holds about the seal: the configuration in the open, the two keys sealed. */
export interface SealRecord {
  readonly config: SealConfig;
  /** Under the unseal key. */
  readonly rootKey: Uint8Array;
  /** Under the root key. */
  readonly keyring: Uint8Array;
  /** Under the root key: the digest of the recovery key, to recognise it by. */
  readonly recovery?: Uint8Array;
  /**
   * The root key under the active key of the keyring, as Vault has it (hashicorp/vault:vault/barrier.go, rootKeyPath): nodes that
   * are open follow a new root key by it. Missing in stores that no node of this version has opened.
   */
  readonly rootKeyForNodes?: Uint8Array;
  /** Counts the changes, so that one of two concurrent ones is refused. */
  readonly version: number;
}

const { entry, integer, oneOf, optional, string } = stored;
const SEAL_ROW = 'keyring/seal';
const SEAL_CONFIG = entry<SealConfig>({
  type: oneOf(TYPES),
  shares: integer(),
  threshold: integer(),
  keyId: optional(string()),
  wrappedKey: optional(string()),
});

/** What the row `seal` says, which is not sealed. @throws CofferError `failed` when it was damaged */
export function parseSealConfig(value: Uint8Array): SealConfig {
  return SEAL_CONFIG(stored.parseObject(Buffer.from(value).toString('utf8'), SEAL_ROW), SEAL_ROW);
}

const RECOVERY = 'recovery';
const RECOVERY_ROW = `keyring/${RECOVERY}`;
export const FOR_NODES = 'root-key-for-nodes';
const ROOT_KEY_FOR_NODES_ROW = `keyring/${FOR_NODES}`;
/** The configuration is bound to the key: one that was altered does not open. A wrapped key that was altered is another key. */
const rootKeyRow = ({ type, shares, threshold, keyId = '' }: SealConfig): string =>
  `keyring/root-key/${type}/${shares}/${threshold}/${keyId}`;

export function sealRootKey(unsealKey: Uint8Array, config: SealConfig, rootKey: Uint8Array): Uint8Array {
  return sealValue(unsealKey, 0, rootKeyRow(config), rootKey);
}

/** @throws CofferError `failed` when it is the wrong key, or the configuration was altered */
export function openRootKey(unsealKey: Uint8Array, { config, rootKey }: SealRecord): Buffer {
  return openValue(() => (unsealKey.length === 32 ? unsealKey : undefined), rootKeyRow(config), rootKey);
}

export function sealKeyring(rootKey: Uint8Array, keyring: Keyring): Uint8Array {
  const bytes = keyringToBytes(keyring);
  try {
    return sealValue(rootKey, 0, KEYRING_ROW, bytes);
  } finally {
    bytes.fill(0);
  }
}

export function openKeyring(rootKey: Uint8Array, { keyring }: SealRecord): Keyring {
  const bytes = openValue(() => rootKey, KEYRING_ROW, keyring);
  try {
    return keyringFromBytes(bytes);
  } finally {
    bytes.fill(0);
  }
}

export function sealRecovery(rootKey: Uint8Array, digest: Uint8Array): Uint8Array {
  return sealValue(rootKey, 0, RECOVERY_ROW, digest);
}

export function openRecovery(rootKey: Uint8Array, sealed: Uint8Array): Buffer {
  return openValue(() => rootKey, RECOVERY_ROW, sealed);
}

/** @throws Error when the keyring has no key of its active term */
export function sealRootKeyForNodes({ activeTerm, keys }: Keyring, rootKey: Uint8Array): Uint8Array {
  const key = keys.get(activeTerm)?.key;
  if (key === undefined) throw new Error(`barrier: no key of term ${activeTerm}`);
  return sealValue(key, activeTerm, ROOT_KEY_FOR_NODES_ROW, rootKey);
}

/** @throws CofferError `failed` when the keyring has no key for it */
export function openRootKeyForNodes({ keys }: Keyring, sealed: Uint8Array): Buffer {
  return openValue((term) => keys.get(term)?.key, ROOT_KEY_FOR_NODES_ROW, sealed);
}

export interface ReplaceOptions {
  /** Whether the other nodes must know before they serve another request. Default: true. */
  readonly tell?: boolean;
  /** Whether the type of the seal is another one, and with it whether there is a recovery key. Default: false. */
  readonly migrates?: boolean;
}

/** Whether what is stored has the keys of this very record: every sealing of them has its own nonce. */
export function hasKeysOf(stored: SealRecord, { keyring }: Pick<SealRecord, 'keyring'>): boolean {
  return Buffer.compare(stored.keyring, keyring) === 0;
}

/** The durable side: three to five rows that change together. */
export interface SealRows {
  read(): Promise<SealRecord | undefined>;
  /** As {@link read}. @throws CofferError `invalid-request` when the store is not initialized */
  readPresent(): Promise<SealRecord>;
  /** @throws CofferError `invalid-request` when the store has been initialized already */
  create(record: Omit<SealRecord, 'version'>): Promise<SealRecord>;
  /**
   * Returns what is stored now; undefined when that has been changed since it was read, and nothing is changed now: by another node,
   * or by this very call, if it was repeated since its answer was lost.
   */
  replace(record: SealRecord, options?: ReplaceOptions): Promise<SealRecord | undefined>;
}

/** As {@link SealRows.replace}. When an answer was lost, what is stored tells. */
export async function replaceKnown(
  rows: SealRows,
  next: SealRecord,
  options: ReplaceOptions,
): Promise<SealRecord | undefined> {
  try {
    const replaced = await rows.replace(next, options);
    if (replaced !== undefined) return replaced;
    const found = await rows.read();
    return found !== undefined && hasKeysOf(found, next) ? found : undefined;
  } catch (error) {
    const found = await rows.read().catch(() => undefined);
    if (found === undefined || !hasKeysOf(found, next)) throw error;
    return found;
  }
}

export function createSealRows(store: Store): SealRows {
  const epochs = new Epochs(store);
  const rowsOf = ({ config, rootKey, keyring, recovery }: Omit<SealRecord, 'version'>): [string, Uint8Array][] => [
    ['seal', Buffer.from(JSON.stringify(config))],
    ['root-key', rootKey],
    ['keyring', keyring],
    ...(recovery === undefined ? [] : ([[RECOVERY, recovery]] satisfies [string, Uint8Array][])),
  ];
  const read = async (): Promise<SealRecord | undefined> => {
    const { rows } = await store.run('SELECT name, version, value FROM keyring');
    if (rows.length === 0) return undefined;
    const values = new Map(rows.map((row) => [String(row['name']), row['value']]));
    const part = (name: string): Uint8Array => {
      const value = values.get(name);
      if (value instanceof Uint8Array) return value;
      throw new CofferError('failed', `barrier: the row keyring/${name} is missing: restore a backup of the store`);
    };
    return {
      config: parseSealConfig(part('seal')),
      rootKey: part('root-key'),
      keyring: part('keyring'),
      ...(values.has(RECOVERY) && { recovery: part(RECOVERY) }),
      ...(values.has(FOR_NODES) && { rootKeyForNodes: part(FOR_NODES) }),
      version: Math.max(...rows.map((row) => Number(row['version']))),
    };
  };
  return {
    read,
    async readPresent() {
      const record = await read();
      if (record === undefined) throw new CofferError('invalid-request', 'Vault is not initialized');
      return record;
    },
    async create(record) {
      try {
        await store.transaction(
          [...rowsOf(record), ...forNodesOf(record)].map(([name, value]) => ({
            sql: 'INSERT INTO keyring (name, version, value) VALUES ($1, 1, $2)',
            params: [name, value],
            // Again, it is refused: the rows are those that it has made, or somebody else's.
            repeatable: true,
          })),
        );
      } catch (error) {
        const found = await read();
        if (found === undefined) throw error;
        if (!hasKeysOf(found, record)) {
          throw new CofferError('invalid-request', 'Vault is already initialized');
        }
      }
      return { ...record, version: 1 };
    },
    async replace(record, { tell = true, migrates = false } = {}) {
      const version = record.version + 1;
      // Again, nothing is changed, which the caller looks into.
      const repeatable = true;
      const rows = rowsOf(record);
      const isNew = ([name]: [string, Uint8Array]): boolean => migrates && name === RECOVERY;
      const replacements = rows
        .filter((row) => !isNew(row))
        .map(([name, value]) => ({
          repeatable,
          sql: 'UPDATE keyring SET value = $2, version = $3 WHERE name = $1 AND version = $4',
          params: [name, value, version, record.version],
        }));
      // An older version of the program does not write the one for nodes: it counts neither for the version nor as missing. Its
      // value is of our keyring, so that it is written if that was, which no other node's is equal to.
      const additions = [...forNodesOf(record), ...rows.filter(isNew)].map(
        ([name, value]): SqlStatement => ({
          sql: `INSERT INTO keyring (name, version, value)
           SELECT $1, $2, $3 FROM keyring WHERE name = 'keyring' AND value = $4
           ON CONFLICT (name) DO UPDATE SET version = excluded.version, value = excluded.value`,
          params: [name, version, value, record.keyring],
          repeatable,
        }),
      );
      const statements = [...replacements, ...additions];
      // There may be none.
      const removals = migrates && record.recovery === undefined ? [withoutRecovery(record)] : [];
      const all = [...statements, ...removals];
      const results = tell
        ? await epochs.write(['keyring/'], all, { oneAfterTheOther: true })
        : await store.transaction(all);
      const isDone = results.slice(0, statements.length).every(({ changes }) => changes === 1);
      return isDone ? { ...record, version } : undefined;
    },
  };
}

/** Like what is added, it is done if our keyring was written. */
function withoutRecovery({ keyring }: SealRecord): SqlStatement {
  return {
    sql: `DELETE FROM keyring WHERE name = $1
          AND EXISTS (SELECT 1 FROM keyring AS written WHERE written.name = 'keyring' AND written.value = $2)`,
    params: [RECOVERY, keyring],
    repeatable: true,
  };
}

function forNodesOf({ rootKeyForNodes }: Pick<SealRecord, 'rootKeyForNodes'>): [string, Uint8Array][] {
  return rootKeyForNodes === undefined ? [] : [[FOR_NODES, rootKeyForNodes]];
}
