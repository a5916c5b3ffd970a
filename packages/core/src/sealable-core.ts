import { CofferError, requireTime, withoutDeadline } from '@coffer/base';
import type { Caller, IncomingRequest, OutgoingResponse, Path } from '@coffer/framework';
import { sealed } from './barrier/sealed.ts';
import type { Core } from './core.ts';
import { releaseDeadClaims, takeOverDead } from './leases/dead-claims.ts';
import { answerInTime } from './request-deadline.ts';
import { Membership } from './nodes/membership.ts';
import { ThisNode } from './nodes/this-node.ts';
import { initStore } from './seal/init-store.ts';
import { type KeyRotationConfig, type KeyStatus, readKeyRotation, writeKeyRotation } from './seal/key-rotation.ts';
import { checkShareCounts } from './seal/key-shares.ts';
import { type EndOptions, OpenSeal } from './open-seal.ts';
import { requesterFields } from './seal/operator-attempt.ts';
import { OtherNodes } from './seal/other-nodes.ts';
import type {
  InitRequest,
  InitResult,
  Requester,
  SealControl,
  SealedNodes,
  SealState,
  SealStatus,
} from './seal/seal-control.ts';
import { collectGarbage } from './seal/seal-garbage.ts';
import { SealKeys } from './seal/seal-keys.ts';
import { SealOpening } from './seal/seal-opening.ts';
import { createSealRows, type SealRecord, type SealRows } from './seal/seal-rows.ts';
import { handleSealed } from './sealed-request.ts';
import type { SealableCoreOptions } from './sealable-options.ts';
import { SeenRecord } from './seal/seen-record.ts';
import { ShareHolders } from './seal/share-holders.ts';

/** How long the keys are kept after the seal closes for work still under way, in milliseconds. */
const KEYS_MS = 5_000;

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
  readonly #sealedPaths: readonly Path[];
  readonly #opening: SealOpening;
  readonly #membership: Membership;
  readonly #holders: ShareHolders;
  readonly #others: OtherNodes;
  #opened: OpenSeal | undefined;
  #isEnding = false;
  #closing: Promise<void> = Promise.resolve();
  /** One change of the seal at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SealableCoreOptions) {
    this.#options = options;
    this.#rows = createSealRows(options.store);
    this.#seen = new SeenRecord(this.#rows);
    this.#others = new OtherNodes(options.store, options.logger);
    this.#opening = new SealOpening({
      ...{ seals: options, rows: this.#rows, others: this.#others, logger: options.logger },
      isOpen: () => this.#opened !== undefined,
      openWith: (rootKey, record) => this.#openWith(rootKey, record),
      inTurn: (work) => this.#inTurn(work),
    });
    this.#membership = new Membership({
      store: options.store,
      address: options.address ?? '',
      state: () => (this.#opened === undefined ? 'sealed' : 'active'),
      epoch: () => this.#opened?.epochs.seen ?? -1,
      afterBeat: (beat) => this.#afterBeat(beat),
      logger: options.logger.named('node'),
    });
    this.node = new ThisNode({
      store: options.store,
      membership: this.#membership,
      openSince: () => this.#opened?.since,
      logger: options.logger.named('node'),
    });
    this.#sealedPaths = options.sealedPaths(this);
    this.#holders = new ShareHolders({
      byItself: options.autoSeal !== undefined,
      keys: () => this.#open().keys,
      storage: () => this.#open().attempts,
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
    return this.#opened === undefined ? this.#opening.state : 'open';
  }

  /**
   * Registers this process, reads what the store holds, and opens a seal that opens by itself. Where the server that helps it is away,
   * it is asked again in the background.
   * @throws CofferError `failed` when the store is sealed in another way than is configured, or its key does not fit
   */
  async start(): Promise<void> {
    const { store, staySealed = false, logger } = this.#options;
    await this.#membership.start();
    await this.node.requireClock();
    const record = await this.#rows.read();
    if (record === undefined) {
      logger.info('the store is not initialized: run "operator init"');
      this.#opening.awaitOthers();
      return;
    }
    if (!staySealed) this.#opening.require(record);
    await releaseDeadClaims(store, logger);
    if (staySealed) logger.info('vault is still sealed after the process restarted itself');
    if (staySealed) return;
    await this.#inTurn(() => this.#opening.openByItself(record));
  }

  /** Ends the core for good, waiting for requests under way. The store stays open: whoever opened it closes it. */
  async stop(): Promise<void> {
    // Whoever is opening the seal right now must not find it open afterwards.
    this.#isEnding = true;
    this.#opening.end();
    await this.#turn;
    this.#close({});
    await this.#closing;
    this.#opening.forgetSeals();
    await this.#membership.stop();
  }

  /** Serves a request for as long as its client waits. @throws CofferError as {@link answerInTime} and {@link Core.handle} */
  handle(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    return answerInTime(request, () => this.#serve(request));
  }

  #serve(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    const opened = this.#opened;
    if (opened === undefined) return handleSealed(this.#sealedPaths, request);
    // Sealing is never refused.
    if (request.path === 'sys/seal') return this.#serveSeal(opened.core, request);
    const refusal = this.node.refusal;
    return refusal === undefined ? opened.core.handle(request) : handleSealed(this.#sealedPaths, request, refusal);
  }

  /** Whoever asked to seal is answered once everything behind it has ended. */
  async #serveSeal(core: Core, request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    const answer = await core.handle(request);
    if (this.#opened === undefined) await this.#closing;
    return answer;
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
    return this.#opening.statusOf(record, this.#opened?.cluster);
  }

  init(request: InitRequest): Promise<InitResult> {
    return this.#inTurn(() => this.#init(request));
  }

  async unseal(share: Uint8Array, requester?: Requester): Promise<void> {
    // Two cores on one store would only be in each other's way.
    await this.#closing;
    await this.#inTurn(() => this.#opening.add(share, requester, false));
  }

  async unsealAndMigrate(share: Uint8Array, requester?: Requester): Promise<void> {
    await this.#closing;
    await this.#inTurn(() => this.#opening.add(share, requester, true));
  }

  resetUnseal(requester?: Requester): void {
    if (this.#opened !== undefined) throw new CofferError('invalid-request', 'vault is unsealed');
    this.#opening.reset(requester);
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
    this.#opening.forgetShares();
    const wipeKeys = async (): Promise<void> => {
      // Only this takes a turn: the requests that are waited for may be waiting for theirs.
      const endAttempts = () => this.#holders.cancel('sealed', opened.attempts);
      await this.#inTurn(() => this.#others.unlessOpen(endAttempts).then(() => opened.keys.forget()));
      this.#opening.forgetSeals();
      collectGarbage();
      this.#options.onSealed?.(this);
    };
    this.#closing = withoutDeadline(() => opened.end({ ...patience, wipeKeys }));
    this.#options.logger.info('vault is sealed', requesterFields(requester));
  }

  openNodes(): Promise<readonly string[]> {
    return this.#others.addresses();
  }

  async sealAll(requester?: Requester): Promise<SealedNodes> {
    const opened = this.#open();
    await this.#holders.cancel('every node is sealed');
    try {
      return await opened.sealAll.order();
    } finally {
      this.seal(requester);
    }
  }

  keyStatus(): KeyStatus {
    return this.#open().keys.status;
  }

  /** Takes no turn, since it may wait for other nodes: the keys have turns of their own. */
  async rotate(): Promise<void> {
    await this.#open().keys.rotate();
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
    await this.#opened?.keys.tend(config);
  }

  async #init({ unseal, recovery, rootToken }: InitRequest): Promise<InitResult> {
    const { store, clusterName, logger } = this.#options;
    const { autoSeal } = this.#opening;
    const counts = autoSeal === undefined ? unseal : recovery;
    if (counts === undefined) throw new CofferError('invalid-request', 'the number of key shares is missing');
    checkShareCounts(counts);
    if ((await this.#rows.read()) !== undefined)
      throw new CofferError('invalid-request', 'Vault is already initialized');
    const made = await initStore({ store, rows: this.#rows, counts, autoSeal, clusterName, rootToken, logger });
    const { record, shares, token } = made;
    if (autoSeal !== undefined) await this.#opening.openByItself(record);
    return {
      unsealShares: autoSeal === undefined ? shares : [],
      recoveryShares: autoSeal === undefined ? [] : shares,
      rootToken: token,
    };
  }

  async #openWith(rootKey: Uint8Array, record: SealRecord): Promise<void> {
    if (this.#isEnding) throw sealed();
    await this.node.requireClock();
    const { store, clusterName, build, logger } = this.#options;
    const { autoSeal } = this.#opening;
    const close = (): void => this.seal();
    const keys = new SealKeys({
      ...{ rows: this.#rows, record, rootKey, others: this.#others, logger },
      ...(autoSeal && { autoSeal }),
      onLost: close,
    });
    const tendKeys = (): Promise<void> => this.tendKeys();
    const onSeen = (): void => (store.exclusive ? undefined : this.#membership.tell());
    const opened = await OpenSeal.start({
      ...{ store, keys, clusterName, node: this.#membership, seal: this },
      ...{ build, onSeen, tendKeys, close, logger },
    });
    // What operators had under way ended with the last open node.
    await this.#others.unlessOpen(() => this.#holders.cancel('no node was open', opened.attempts));
    this.#opened = opened;
    this.#opening.opened();
    this.#membership.tell();
    logger.info('vault is unsealed');
  }

  async #afterBeat({ isSteady }: { readonly isSteady: boolean }): Promise<void> {
    const { store, logger } = this.#options;
    // First: whatever is wrong with this node, the dead are taken over.
    if (isSteady && !store.exclusive) await takeOverDead(store, logger);
    await this.node.checkClock();
    const opened = this.#opened;
    if (this.#opening.awaitsOthers) await this.#opening.openOnceChanged();
    try {
      await opened?.epochs.refresh();
    } catch (error) {
      // What it found may have been that this node is to be sealed.
      if (this.#opened === opened) throw error;
    }
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
