import { CofferError, type Logger, requireTime, withoutDeadline } from '@coffer/base';
import type { Caller, IncomingRequest, OutgoingResponse, Path } from '@coffer/framework';
import type { Store } from '@coffer/store';
import { sealed } from './barrier/sealed.ts';
import type { Core } from './core.ts';
import { releaseDeadClaims } from './leases/dead-claims.ts';
import { answerInTime } from './request-deadline.ts';
import { Membership } from './nodes/membership.ts';
import { ThisNode } from './nodes/this-node.ts';
import { initStore } from './seal/init-store.ts';
import { type KeyRotationConfig, type KeyStatus, readKeyRotation, writeKeyRotation } from './seal/key-rotation.ts';
import { checkShareCounts } from './seal/key-shares.ts';
import { type BuiltCore, type EndOptions, type OpenParts, OpenSeal } from './open-seal.ts';
import { requesterFields } from './seal/operator-attempt.ts';
import { checkSealType, rootKeyByStaticSeal, rootKeyByUnsealKey } from './seal/root-key.ts';
import type { InitRequest, InitResult, Requester, SealControl, SealState, SealStatus } from './seal/seal-control.ts';
import { collectGarbage } from './seal/seal-garbage.ts';
import { SealKeys } from './seal/seal-keys.ts';
import { createSealRows, type SealRecord, type SealRows } from './seal/seal-rows.ts';
import { SealShares } from './seal/seal-shares.ts';
import { handleSealed } from './sealed-request.ts';
import { SeenRecord } from './seal/seen-record.ts';
import { ShareHolders } from './seal/share-holders.ts';
import { copyStaticSeal, type StaticSeal, wipeStaticSeal } from './seal/static-seal.ts';

const OPENS_AT_START =
  'the seal "static" opens when the server starts, and was closed by an operator since: restart the server to open it';

/** How long the keys are kept after the seal closes for work still under way, in milliseconds. */
const KEYS_MS = 5_000;

export interface SealableCoreOptions {
  readonly store: Store;
  /** Opens the seal without anybody's help; without it, shares are needed. The keys are copied: wipe yours afterwards. */
  readonly staticSeal?: StaticSeal;
  /** Keeps a seal that opens by itself closed, since it was closed on purpose. `staticSeal` is then not needed. */
  readonly staySealed?: boolean;
  /** Called when the seal has closed and the keys are wiped: what was behind it has ended, or is no longer waited for. */
  readonly onSealed?: (seal: Pick<SealableCore, 'state'>) => void;
  /** Where clients reach this node, for the others to see. */
  readonly address?: string;
  /** The name that the cluster gets when its store is opened for the first time. Default: a random one. */
  readonly clusterName?: string;
  /** Makes the core that works behind the open seal, each time it opens. */
  readonly build: (parts: OpenParts) => BuiltCore;
  /** The paths under `sys/` that answer while sealed. */
  readonly sealedPaths: (control: SealControl) => readonly Path[];
  readonly logger: Logger;
}

/**
 * The core behind its seal. Sealed, there is no key in memory and no core: only {@link SealableCoreOptions.sealedPaths}
 * answer, everything else is `sealed`. The core is made when the seal opens and ended when it closes.
 *
 * The keyring is sealed under the root key; the root key under the unseal key, which is either split into shares or a
 * static key.
 */
export class SealableCore implements SealControl {
  readonly node: ThisNode;
  readonly rekey: SealControl['rekey'];
  readonly rekeyRecovery: SealControl['rekeyRecovery'];
  readonly generateRoot: SealControl['generateRoot'];
  readonly #options: SealableCoreOptions;
  readonly #rows: SealRows;
  readonly #seen: SeenRecord;
  /** Our own copy of the keys, so that we can wipe them. */
  readonly #staticSeal: StaticSeal | undefined;
  readonly #sealedPaths: readonly Path[];
  readonly #shares: SealShares;
  readonly #membership: Membership;
  readonly #holders: ShareHolders;
  #opened: OpenSeal | undefined;
  #isEnding = false;
  #closing: Promise<void> = Promise.resolve();
  /** One change of the seal at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SealableCoreOptions) {
    this.#options = options;
    this.#rows = createSealRows(options.store);
    this.#seen = new SeenRecord(this.#rows);
    this.#shares = new SealShares(options.logger);
    this.#membership = new Membership({
      store: options.store,
      address: options.address ?? '',
      state: () => (this.#opened === undefined ? 'sealed' : 'active'),
      epoch: () => this.#opened?.epochs.seen ?? -1,
      afterBeat: async () => {
        await this.node.checkClock();
        await this.#opened?.epochs.refresh();
      },
      logger: options.logger.named('node'),
    });
    this.node = new ThisNode({
      store: options.store,
      membership: this.#membership,
      openSince: () => this.#opened?.since,
      logger: options.logger.named('node'),
    });
    this.#sealedPaths = options.sealedPaths(this);
    this.#staticSeal = options.staticSeal && copyStaticSeal(options.staticSeal);
    this.#holders = new ShareHolders({
      byItself: options.staticSeal !== undefined,
      record: () => this.#record(),
      keys: () => this.#open().keys,
      tokens: () => this.#open().core.services.tokens,
      inTurn: (work) => this.#inTurn(work),
      logger: options.logger,
    });
    this.rekey = this.#holders.rekey;
    this.rekeyRecovery = this.#holders.rekeyRecovery;
    this.generateRoot = this.#holders.generateRoot;
  }

  /** The core while the seal is open. */
  get core(): Core | undefined {
    return this.#opened?.core;
  }

  /** How long the store has not been heard, in milliseconds: see {@link Membership.lastHeardMs}. */
  get lastHeardMs(): number {
    return this.#membership.lastHeardMs;
  }

  /** Tells the other nodes where clients reach this one, once that is known. */
  listensAt(address: string): void {
    this.#membership.tell(address);
  }

  get state(): SealState {
    if (this.#opened !== undefined) return 'open';
    if (this.#shares.isOpening) return 'opening';
    return this.#shares.progress > 0 ? 'shares' : 'closed';
  }

  /**
   * Registers this process, reads what the store holds, and opens a static seal.
   * @throws CofferError `failed` when the store is sealed in another way than is configured, or its key does not fit
   */
  async start(): Promise<void> {
    const { store, staySealed = false, logger } = this.#options;
    const staticSeal = this.#staticSeal;
    await this.#membership.start();
    await this.#checkClock();
    const record = await this.#rows.read();
    if (record === undefined) {
      logger.info('the store is not initialized: run "operator init"');
      return;
    }
    if (!staySealed) checkSealType(record.config, staticSeal);
    await releaseDeadClaims(store, logger);
    if (staySealed) logger.info('vault is sealed, as it was before the process replaced itself');
    if (staticSeal === undefined || staySealed) return;
    await this.#inTurn(() => this.#openStatic(staticSeal, record));
  }

  /** Ends the core for good, waiting for requests under way. The store stays open: whoever opened it closes it. */
  async stop(): Promise<void> {
    // Whoever is opening the seal right now must not find it open afterwards.
    this.#isEnding = true;
    await this.#turn;
    this.#close({});
    await this.#closing;
    await this.#membership.stop();
  }

  /** Serves a request for as long as its client waits. @throws CofferError as {@link answerInTime} and {@link Core.handle} */
  handle(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    return answerInTime(request, async () => {
      const opened = this.#opened;
      if (opened === undefined) return handleSealed(this.#sealedPaths, request);
      const refusal = this.node.refusal;
      if (refusal !== undefined) return handleSealed(this.#sealedPaths, request, refusal);
      const answer = await opened.core.handle(request);
      // Whoever asked to seal is answered once everything behind it has ended.
      if (this.#opened === undefined && request.path === 'sys/seal') await this.#closing;
      return answer;
    });
  }

  /**
   * Whether this caller may send a larger body than a stranger: with a token that is valid now, to a path that asks for one.
   * Nobody may while sealed.
   */
  async takesLargeBody(caller: Caller): Promise<boolean> {
    return (await this.#opened?.core.takesLargeBody(caller)) ?? false;
  }

  async status(): Promise<SealStatus> {
    // A health check of an open server does not ask the store.
    const record = this.#opened?.keys.record ?? (await this.#seen.read());
    const cluster = this.#opened?.cluster;
    return {
      type: record?.config.type ?? (this.#staticSeal === undefined ? 'shamir' : 'static'),
      initialized: record !== undefined,
      sealed: cluster === undefined,
      shares: record?.config.shares ?? 0,
      threshold: record?.config.threshold ?? 0,
      progress: this.#shares.progress,
      nonce: this.#shares.nonce,
      recoverySeal: (record?.config.type ?? this.#staticSeal?.type) === 'static',
      ...(cluster && { cluster }),
    };
  }

  init(request: InitRequest): Promise<InitResult> {
    return this.#inTurn(() => this.#init(request));
  }

  async unseal(share: Uint8Array, requester?: Requester): Promise<void> {
    // Two cores on one store would only be in each other's way.
    await this.#closing;
    await this.#inTurn(() => this.#unseal(share, requester));
  }

  resetUnseal(requester?: Requester): void {
    if (this.#opened !== undefined) throw new CofferError('invalid-request', 'vault is unsealed');
    this.#shares.reset(requester);
  }

  seal(requester?: Requester): void {
    this.#close({ keysMs: KEYS_MS }, requester);
  }

  #close(patience: Pick<EndOptions, 'keysMs'>, requester?: Requester): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    this.#membership.tell();
    this.#seen.saw(opened.keys.record);
    this.#shares.forget();
    this.#holders.cancel('sealed');
    const wipeKeys = async (): Promise<void> => {
      // Only this takes a turn: the requests that are waited for may be waiting for theirs.
      await this.#inTurn(() => opened.keys.forget());
      if (this.#staticSeal !== undefined) wipeStaticSeal(this.#staticSeal);
      collectGarbage();
      this.#options.onSealed?.(this);
    };
    this.#closing = withoutDeadline(() => opened.end({ ...patience, wipeKeys }));
    this.#options.logger.info('vault is sealed', requesterFields(requester));
  }

  keyStatus(): KeyStatus {
    return this.#open().keys.status;
  }

  rotate(): Promise<void> {
    return this.#inTurn(() => this.#open().keys.rotate());
  }

  keyRotation(): Promise<KeyRotationConfig> {
    return readKeyRotation(this.#open().settings);
  }

  setKeyRotation(config: KeyRotationConfig): Promise<void> {
    return writeKeyRotation(this.#open().settings, config);
  }

  /** Rotates the encryption key if it is due. Called once a minute. Does nothing while sealed. */
  async tendKeys(): Promise<void> {
    if (this.#opened === undefined) return;
    const config = await this.keyRotation();
    await this.#inTurn(async () => this.#opened?.keys.tend(config));
  }

  async #init({ unseal, recovery, rootToken }: InitRequest): Promise<InitResult> {
    const { store, clusterName, logger } = this.#options;
    const staticSeal = this.#staticSeal;
    const counts = staticSeal === undefined ? unseal : recovery;
    if (counts === undefined) throw new CofferError('invalid-request', 'the number of key shares is missing');
    checkShareCounts(counts);
    if ((await this.#rows.read()) !== undefined)
      throw new CofferError('invalid-request', 'Vault is already initialized');
    const made = await initStore({ store, rows: this.#rows, counts, staticSeal, clusterName, rootToken, logger });
    const { record, shares, token } = made;
    if (staticSeal !== undefined) await this.#openStatic(staticSeal, record);
    return {
      unsealShares: staticSeal === undefined ? shares : [],
      recoveryShares: staticSeal === undefined ? [] : shares,
      rootToken: token,
    };
  }

  async #unseal(share: Uint8Array, requester: Requester | undefined): Promise<void> {
    const record = await this.#record();
    if (this.#opened !== undefined) return;
    if (record.config.type === 'static') throw new CofferError('invalid-request', OPENS_AT_START);
    checkSealType(record.config, this.#staticSeal);
    await this.#shares.add(share, record.config, requester, (unsealKey) =>
      this.#openWith(rootKeyByUnsealKey(unsealKey, record), record),
    );
  }

  async #openStatic(staticSeal: StaticSeal, present: SealRecord): Promise<void> {
    const opened = await rootKeyByStaticSeal(staticSeal, present, this.#rows, this.#options.logger);
    await this.#openWith(opened.rootKey, opened.record);
  }

  async #openWith(rootKey: Uint8Array, record: SealRecord): Promise<void> {
    if (this.#isEnding) throw sealed();
    await this.#checkClock();
    const { store, clusterName, build, logger } = this.#options;
    const staticSeal = this.#staticSeal;
    const keys = new SealKeys({ rows: this.#rows, record, rootKey, logger, ...(staticSeal && { staticSeal }) });
    const tendKeys = (): Promise<void> => this.tendKeys();
    const onSeen = (): void => {
      if (!store.exclusive) this.#membership.tell();
    };
    this.#opened = await OpenSeal.start({ store, keys, clusterName, seal: this, build, onSeen, tendKeys, logger });
    this.#membership.tell();
    logger.info('vault is unsealed');
  }

  async #checkClock(): Promise<void> {
    await this.node.checkClock();
    if (this.node.refusal !== undefined) throw this.node.refusal;
  }

  async #record(): Promise<SealRecord> {
    const record = await this.#rows.read();
    if (record === undefined) throw new CofferError('invalid-request', 'Vault is not initialized');
    return record;
  }

  #open(): OpenSeal {
    if (this.#opened === undefined) throw sealed();
    return this.#opened;
  }

  /** Nothing is begun once the caller has stopped waiting: new keys that nobody receives are lost. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      requireTime();
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
