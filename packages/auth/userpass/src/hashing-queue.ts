import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { CofferError, currentDeadline, type Deadline } from '@coffer/base';
import type { Derivation, DerivationAnswer } from './hashing-worker.ts';
import { NetworkStanding } from './network-standing.ts';

/** Set by the build: the bundled text of hashing-worker.ts, since a single executable has no file beside it. */
declare const COFFER_HASHING_WORKER: string | undefined;

export interface HashingLimits {
  /** Threads. */
  readonly workers: number;
  /** Logins waiting for a thread or using one, from everywhere. */
  readonly logins: number;
  /** The same, from one address (one /64 for IPv6). */
  readonly loginsPerNetwork: number;
  /** Passwords being set by those who may, waiting or at work. */
  readonly passwords: number;
}

export const HASHING_LIMITS: HashingLimits = {
  // If there is more than one core, one is left for everything else.
  workers: Math.max(1, Math.min(2, availableParallelism() - 1)),
  logins: 64,
  loginsPerNetwork: 32,
  passwords: 64,
};

/** How long a thread without work lives, in milliseconds. */
const IDLE_MS = 10_000;

interface Job {
  readonly derivation: Derivation;
  /** Where the login comes from; undefined for a password that is being set. */
  readonly network: string | undefined;
  /** Of whoever is waiting for it. */
  readonly deadline: Deadline | undefined;
  readonly resolve: (key: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Derives keys from passwords in threads of its own. Anybody can ask for this as often as they like: it must not take
 * threads from the pool that DNS and the database's SCRAM logins share, nor more memory than the limits allow.
 */
export class HashingQueue {
  readonly #limits: HashingLimits;
  readonly #passwords: Job[] = [];
  readonly #logins: Job[] = [];
  readonly #idle: HashingThread[] = [];
  readonly #threads = new Map<HashingThread, Job | undefined>();
  readonly #standing = new NetworkStanding();

  constructor(limits: HashingLimits = HASHING_LIMITS) {
    this.#limits = limits;
  }

  /**
   * `network`: where a login comes from. Without it a password is being set, which takes precedence over logins. Of logins those
   * go first whose network stands better, and they take the place of the others when there is no room.
   * @throws CofferError `too-many-requests` when too many are waiting, `unavailable` when the queue ends before its
   *   turn, `failed` when nobody is waiting for it any more when its turn comes
   */
  async derive(derivation: Derivation, network?: string): Promise<Uint8Array> {
    for (const waiting of [this.#passwords, this.#logins]) dropUnawaited(waiting);
    if (!this.#hasRoom(network)) throw tooMany(network === undefined ? 'passwords are being set' : 'logins wait');
    return new Promise<Uint8Array>((resolve, reject) => {
      const job = { derivation, network, deadline: currentDeadline(), resolve, reject };
      (network === undefined ? this.#passwords : this.#logins).push(job);
      this.#dispatch();
    });
  }

  /** How a login from there ended. */
  noteLogin(network: string, hasFailed: boolean): void {
    this.#standing.note(network, hasFailed);
  }

  /** Ends the threads and rejects everything that waits. May be used again afterwards. */
  async end(): Promise<void> {
    const threads = [...this.#threads];
    this.#threads.clear();
    this.#idle.length = 0;
    const waiting = [...this.#passwords.splice(0), ...this.#logins.splice(0)];
    for (const job of [...waiting, ...threads.map(([, job]) => job)]) job?.reject(ended());
    await Promise.all(threads.map(([thread]) => thread.end()));
  }

  /** Whether one more may wait. It may take the place of one that has to stand back. */
  #hasRoom(network: string | undefined): boolean {
    const { passwords, logins, loginsPerNetwork } = this.#limits;
    const jobs = [...this.#passwords, ...this.#logins, ...this.#threads.values()].filter((job) => job !== undefined);
    if (network === undefined) return jobs.filter((job) => job.network === undefined).length < passwords;
    if (jobs.filter((job) => job.network === network).length >= loginsPerNetwork) return false;
    if (jobs.filter((job) => job.network !== undefined).length < logins) return true;
    const worst = Math.min(...this.#logins.map((job) => this.#standingOf(job)));
    if (worst >= this.#standing.of(network)) return false;
    const at = this.#logins.findLastIndex((job) => this.#standingOf(job) === worst);
    for (const job of this.#logins.splice(at, 1)) job.reject(tooMany('logins wait'));
    return true;
  }

  #standingOf({ network = '' }: Job): number {
    return this.#standing.of(network);
  }

  #dispatch(): void {
    for (const waiting of [this.#passwords, this.#logins]) dropUnawaited(waiting);
    while (this.#passwords.length + this.#logins.length > 0) {
      const thread = this.#idle.pop() ?? this.#start();
      if (thread === undefined) return;
      const job = this.#passwords.shift() ?? this.#nextLogin();
      if (job === undefined) return;
      this.#threads.set(thread, job);
      thread.run(job.derivation);
    }
  }

  #nextLogin(): Job | undefined {
    const best = Math.max(...this.#logins.map((job) => this.#standingOf(job)));
    const at = this.#logins.findIndex((job) => this.#standingOf(job) === best);
    return this.#logins.splice(at, 1)[0];
  }

  #start(): HashingThread | undefined {
    if (this.#threads.size >= this.#limits.workers) return undefined;
    const thread: HashingThread = new HashingThread(
      (answer) => {
        const job = this.#threads.get(thread);
        if (!this.#threads.has(thread)) return;
        this.#threads.set(thread, undefined);
        this.#idle.push(thread);
        settle(job, answer);
        this.#dispatch();
      },
      (error) => {
        const job = this.#threads.get(thread);
        this.#threads.delete(thread);
        const at = this.#idle.indexOf(thread);
        if (at !== -1) this.#idle.splice(at, 1);
        job?.reject(new CofferError('internal', 'a hashing thread ended', { cause: error }));
        this.#dispatch();
      },
    );
    this.#threads.set(thread, undefined);
    return thread;
  }
}

/** Whoever asks and goes away must not take a thread from those who wait. */
function dropUnawaited(jobs: Job[]): void {
  const awaited = jobs.filter(({ deadline }) => deadline?.over !== true);
  if (awaited.length === jobs.length) return;
  const over = jobs.splice(0).filter(({ deadline }) => deadline?.over === true);
  jobs.push(...awaited);
  for (const { deadline, reject } of over) reject(deadline?.reason ?? ended());
}

function settle(job: Job | undefined, answer: DerivationAnswer): void {
  if ('key' in answer) job?.resolve(answer.key);
  else job?.reject(new CofferError('internal', `hashing a password: ${answer.error}`));
}

function tooMany(what: string): CofferError {
  return new CofferError('too-many-requests', `too many ${what}; try again a little later`);
}

function ended(): CofferError {
  return new CofferError('unavailable', 'the server is closing');
}

/** A worker thread that keeps the process alive only while it works, and ends by itself when it is idle. */
class HashingThread {
  readonly #worker: Worker;
  #idle: NodeJS.Timeout | undefined;

  constructor(onAnswer: (answer: DerivationAnswer) => void, onEnd: (error?: Error) => void) {
    this.#worker =
      typeof COFFER_HASHING_WORKER === 'string'
        ? new Worker(COFFER_HASHING_WORKER, { eval: true })
        : new Worker(new URL('./hashing-worker.ts', import.meta.url));
    let error: Error | undefined;
    this.#worker.on('message', (answer: DerivationAnswer) => {
      this.#worker.unref();
      this.#idle = setTimeout(() => {
        this.#worker.terminate().catch(onEnd);
      }, IDLE_MS).unref();
      onAnswer(answer);
    });
    this.#worker.on('error', (thrown: Error) => {
      error = thrown;
    });
    this.#worker.on('exit', () => onEnd(error));
  }

  run(derivation: Derivation): void {
    clearTimeout(this.#idle);
    this.#worker.ref();
    this.#worker.postMessage(derivation);
  }

  async end(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#worker.terminate();
  }
}
