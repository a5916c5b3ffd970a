import { randomBytes } from 'node:crypto';
import { CofferError, errorText, type Logger, randomId } from '@coffer/base';
import type { Store } from '@coffer/store';
import { Barrier } from './barrier.ts';
import { loadClusterIdentity } from './cluster-identity.ts';
import type { Core } from './core.ts';
import { releaseDeadClaims } from './dead-claims.ts';
import { createGenerateRoot } from './generate-root.ts';
import { createKeyring, withEncryptions, withNewTerm } from './keyring.ts';
import { checkShareCounts, ShareCollection, splitKey } from './key-shares.ts';
import type { IncomingRequest, OutgoingResponse } from './logical.ts';
import { LiveCore } from './live-core.ts';
import type { Path } from './path.ts';
import { createRekey } from './rekey.ts';
import { checkSealType, digestOf, isHoldersKey, rootKeyByStaticSeal, rootKeyByUnsealKey } from './root-key.ts';
import { createRootToken } from './root-token.ts';
import type { ClusterIdentity, InitRequest, InitResult, KeyStatus, SealControl, SealStatus } from './seal-control.ts';
import {
  createSealRows,
  openKeyring,
  type SealConfig,
  sealKeyring,
  type SealRecord,
  sealRecovery,
  sealRootKey,
  type SealRows,
} from './seal-rows.ts';
import { KEY_BYTES } from './sealed-value.ts';
import type { StaticSeal } from './static-seal.ts';
import { createTokenStore } from './tokens.ts';

export interface SealableCoreOptions {
  readonly store: Store;
  /** Opens the seal without anybody's help; without it, shares do. */
  readonly staticSeal?: StaticSeal;
  /** Makes the core that works behind the open seal, each time it opens. `close` ends what is not the core's own. */
  readonly build: (parts: OpenParts) => { readonly core: Core; close(): Promise<void> };
  /** The paths under `sys/` that answer while sealed. */
  readonly sealedPaths: (control: SealControl) => readonly Path[];
  readonly logger: Logger;
}

export interface OpenParts {
  readonly barrier: Barrier;
  readonly cluster: ClusterIdentity;
  readonly seal: SealControl;
}

/** What is there only while the seal is open. */
interface Opened {
  readonly live: LiveCore;
  readonly barrier: Barrier;
  readonly cluster: ClusterIdentity;
  /** These two change together, in turn. */
  rootKey: Uint8Array;
  record: SealRecord;
}

/**
 * The core behind its seal. Sealed, there is no key in memory and no core: only {@link SealableCoreOptions.sealedPaths}
 * answer, everything else is `sealed`. The core is made when the seal opens and ended when it closes.
 *
 * The keyring is sealed under the root key; the root key under the unseal key, which is either split into shares or a
 * static key.
 */
export class SealableCore implements SealControl {
  readonly rekey: SealControl['rekey'];
  readonly generateRoot: SealControl['generateRoot'];
  readonly #options: SealableCoreOptions;
  readonly #rows: SealRows;
  readonly #sealedPaths: readonly Path[];
  readonly #shares = new ShareCollection();
  #unsealNonce = '';
  #opened: Opened | undefined;
  #closing: Promise<void> = Promise.resolve();
  /** One change of the seal at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SealableCoreOptions) {
    this.#options = options;
    this.#rows = createSealRows(options.store);
    this.#sealedPaths = options.sealedPaths(this);
    const parts = {
      record: () => this.#record(),
      requireOpen: () => this.#open(),
      verifyKey: (key: Uint8Array, record: SealRecord) => isHoldersKey(key, record, this.#open().rootKey),
    };
    this.rekey = createRekey({
      ...parts,
      inTurn: (work) => this.#inTurn(work),
      replace: (config, unsealKey) => this.#replaceKeys(config, unsealKey),
    });
    this.generateRoot = createGenerateRoot({
      ...parts,
      inTurn: (work) => this.#inTurn(work),
      createToken: async () => (await createRootToken(this.#open().live.core.services.tokens)).reveal(),
    });
  }

  /** The core while the seal is open. */
  get core(): Core | undefined {
    return this.#opened?.live.core;
  }

  /**
   * Reads what the store holds, and opens a static seal.
   * @throws CofferError `failed` when the store is sealed in another way than is configured, or its key does not fit
   */
  async start(): Promise<void> {
    const { store, staticSeal, logger } = this.#options;
    const record = await this.#rows.read();
    if (record === undefined) {
      logger.info('the store is not initialized: run "operator init"');
      return;
    }
    checkSealType(record.config, this.#options.staticSeal);
    await releaseDeadClaims(store, logger);
    if (staticSeal === undefined) return;
    await this.#inTurn(() => this.#openStatic(staticSeal, record));
  }

  /** Ends the core, waiting for requests under way. The store stays open: it is its opener's. */
  async stop(): Promise<void> {
    this.seal();
    await this.#closing;
  }

  async handle(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    const opened = this.#opened;
    if (opened === undefined) return this.#handleSealed(request);
    const answer = await opened.live.handle(request);
    // Who asked for the seal is answered when everything behind it has ended.
    if (this.#opened === undefined && /^\/?sys\/seal$/.test(request.path)) await this.#closing;
    return answer;
  }

  async status(): Promise<SealStatus> {
    // A health check of an open server asks no store.
    const record = this.#opened?.record ?? (await this.#rows.read());
    const cluster = this.#opened?.cluster;
    return {
      type: record?.config.type ?? (this.#options.staticSeal === undefined ? 'shamir' : 'static'),
      initialized: record !== undefined,
      sealed: cluster === undefined,
      shares: record?.config.shares ?? 0,
      threshold: record?.config.threshold ?? 0,
      progress: this.#shares.progress,
      nonce: this.#unsealNonce,
      recoverySeal: (record?.config.type ?? this.#options.staticSeal?.type) === 'static',
      ...(cluster && { cluster }),
    };
  }

  init(request: InitRequest): Promise<InitResult> {
    return this.#inTurn(() => this.#init(request));
  }

  async unseal(share: Uint8Array): Promise<void> {
    // Two cores on one store would only be in each other's way.
    await this.#closing;
    await this.#inTurn(() => this.#unseal(share));
  }

  resetUnseal(): void {
    this.#shares.clear();
    this.#unsealNonce = '';
  }

  seal(): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    this.resetUnseal();
    this.rekey.cancel();
    this.generateRoot.cancel();
    // Not in turn as a whole: the requests that it waits for may be waiting for their turn.
    this.#closing = opened.live
      .close()
      .catch((error: unknown) => this.#options.logger.error('the core did not end well', { error: errorText(error) }))
      .then(() => this.#inTurn(() => this.#saveAndForget(opened)));
    this.#options.logger.info('vault is sealed');
  }

  keyStatus(): KeyStatus {
    const { barrier } = this.#open();
    const { activeTerm, keys } = barrier.keyring;
    return {
      term: activeTerm,
      installTime: keys.get(activeTerm)?.installTime ?? 0,
      encryptions: barrier.encryptions,
    };
  }

  rotate(): Promise<void> {
    return this.#inTurn(async () => {
      const opened = this.#open();
      const { barrier, rootKey, record } = opened;
      const keyring = withNewTerm(withEncryptions(barrier.keyring, barrier.encryptions));
      opened.record = await this.#rows.replace({ ...record, keyring: sealKeyring(rootKey, keyring) });
      barrier.use(keyring);
      this.#options.logger.info('installed new encryption key', { term: keyring.activeTerm });
    });
  }

  async #init({ unseal, recovery, rootToken }: InitRequest): Promise<InitResult> {
    const { staticSeal, store } = this.#options;
    const counts = staticSeal === undefined ? unseal : recovery;
    if (counts === undefined) throw new CofferError('invalid-request', 'the number of key shares is missing');
    checkShareCounts(counts);
    if ((await this.#rows.read()) !== undefined)
      throw new CofferError('invalid-request', 'Vault is already initialized');
    const rootKey = randomBytes(KEY_BYTES);
    const splitted = randomBytes(KEY_BYTES);
    const config: SealConfig =
      staticSeal === undefined
        ? { type: 'shamir', ...counts }
        : { type: 'static', ...counts, keyId: staticSeal.current.id };
    const keyring = createKeyring();
    const record = await this.#rows.create({
      config,
      rootKey: sealRootKey(staticSeal?.current.key ?? splitted, config, rootKey),
      keyring: sealKeyring(rootKey, keyring),
      ...(staticSeal && { recovery: sealRecovery(rootKey, digestOf(splitted)) }),
    });
    const barrier = new Barrier(keyring);
    const token = await createRootToken(
      createTokenStore(store, barrier, () => undefined),
      rootToken,
    );
    await loadClusterIdentity(store, barrier);
    const shares = await splitKey(splitted, counts);
    if (staticSeal !== undefined) await this.#openStatic(staticSeal, record);
    return {
      unsealShares: staticSeal === undefined ? shares : [],
      recoveryShares: staticSeal === undefined ? [] : shares,
      rootToken: token,
    };
  }

  async #unseal(share: Uint8Array): Promise<void> {
    const record = await this.#record();
    if (this.#opened !== undefined) return;
    checkSealType(record.config, this.#options.staticSeal);
    if (this.#unsealNonce === '') this.#unsealNonce = randomId();
    this.#shares.add(share);
    if (this.#shares.progress < record.config.threshold) return;
    this.#unsealNonce = '';
    const key = await this.#shares.combine();
    await this.#openWith(rootKeyByUnsealKey(key, record), record);
  }

  async #openStatic(staticSeal: StaticSeal, present: SealRecord): Promise<void> {
    const opened = await rootKeyByStaticSeal(staticSeal, present, this.#rows, this.#options.logger);
    await this.#openWith(opened.rootKey, opened.record);
  }

  async #openWith(rootKey: Uint8Array, record: SealRecord): Promise<void> {
    const { store, build, logger } = this.#options;
    const barrier = new Barrier(openKeyring(rootKey, record));
    const cluster = await loadClusterIdentity(store, barrier);
    const built = build({ barrier, cluster, seal: this });
    const live = new LiveCore(built.core, () => built.close());
    try {
      await built.core.start();
    } catch (error) {
      await live.close();
      throw error;
    }
    this.#opened = { live, barrier, rootKey, cluster, record };
    logger.info('vault is unsealed');
  }

  async #handleSealed(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    const path = request.path.replace(/^\/+/, '');
    if (path.startsWith('sys/')) {
      const relative = path.slice('sys/'.length);
      for (const each of this.#sealedPaths) {
        const params = each.match(relative);
        if (params === undefined) continue;
        const { token: clientToken, ...rest } = request;
        return each.handle({
          wrapTtl: 0,
          ...rest,
          path: relative,
          mountPath: 'sys/',
          params,
          clientToken,
          warnings: [],
        });
      }
    }
    throw sealed();
  }

  /** New unseal key, new root key: an old copy of the store with the old shares opens nothing written from now on. */
  async #replaceKeys(config: SealConfig, unsealKey: Uint8Array): Promise<void> {
    const opened = this.#open();
    const rootKey = randomBytes(KEY_BYTES);
    const keyring = withEncryptions(opened.barrier.keyring, opened.barrier.encryptions);
    opened.record = await this.#rows.replace({
      ...opened.record,
      config,
      rootKey: sealRootKey(unsealKey, config, rootKey),
      keyring: sealKeyring(rootKey, keyring),
    });
    opened.rootKey.fill(0);
    opened.rootKey = rootKey;
    this.#options.logger.info('rekeyed', { shares: config.shares, threshold: config.threshold });
  }

  /** How often the key was used is only a count for operators: losing it must not keep the seal from closing. */
  async #saveAndForget({ barrier, rootKey, record }: Opened): Promise<void> {
    try {
      const keyring = withEncryptions(barrier.keyring, barrier.encryptions);
      await this.#rows.replace({ ...record, keyring: sealKeyring(rootKey, keyring) });
    } catch (error) {
      this.#options.logger.warn('the encryption count was not saved', { error: errorText(error) });
    } finally {
      rootKey.fill(0);
    }
  }

  async #record(): Promise<SealRecord> {
    const record = await this.#rows.read();
    if (record === undefined) throw new CofferError('invalid-request', 'Vault is not initialized');
    return record;
  }

  #open(): Opened {
    if (this.#opened === undefined) throw sealed();
    return this.#opened;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function sealed(): CofferError {
  return new CofferError('sealed', 'Vault is sealed');
}
