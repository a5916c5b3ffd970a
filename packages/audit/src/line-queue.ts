import { CofferError, errorText } from '@coffer/base';

/** Where the lines of a device go. */
export interface Sink {
  /** Resolves when all of it was taken. Gives up when the signal aborts, if it can. Never called while it is at work. */
  write(bytes: Buffer, signal: AbortSignal): Promise<void>;
  /** Lets go of what is open; the next write opens it anew. Never called while a write is at work. */
  reset(): Promise<void>;
  /** As {@link reset}, and opens again at once. For a file that was renamed. */
  reopen?(): Promise<void>;
}

/** While as many bytes wait, no further line is made. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Lines are written together up to this many bytes. */
const MAX_BATCH_BYTES = 1024 * 1024;

interface Waiting {
  readonly line: Buffer;
  readonly taken: () => void;
  readonly fail: (error: unknown) => void;
}

/** Somebody who has a line to make. */
interface Crowding {
  readonly enter: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Hands lines to a sink in the order in which they were made, many at once where they wait. Whoever comes when too much waits already
 * makes their line later, so that memory stays bounded and a sound sink refuses nobody. No write takes longer than `timeoutMs`, and
 * nobody waits longer than that for their turn: whatever comes while the sink hangs is refused at once, so that nothing piles up.
 */
export class LineQueue {
  readonly #sink: Sink;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #crowd = new Set<Crowding>();
  #bytes = 0;
  #turn: Promise<void> = Promise.resolve();
  #isRunning = false;
  #isClosed = false;
  /** Why nothing is taken at the moment. */
  #hanging: CofferError | undefined;
  #isFailing = false;

  constructor(sink: Sink, timeoutMs: number) {
    this.#sink = sink;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether the last write failed, or hangs. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /**
   * `make` is called when there is room for what it makes.
   * @throws CofferError `failed` when the line was not taken, or nobody knows whether it was; and whatever `make` throws
   */
  async write(make: () => string | Promise<string>): Promise<void> {
    this.#requireWorking();
    if (this.#crowd.size > 0 || this.#bytes >= MAX_WAITING_BYTES) await this.#room();
    let taken: Promise<void>;
    try {
      const made = make();
      const line = Buffer.from(typeof made === 'string' ? made : await made);
      this.#requireWorking();
      taken = this.#enqueue(line);
    } finally {
      this.#letIn();
    }
    await taken;
  }

  #requireWorking(): void {
    if (this.#isClosed) throw failure('the device is closed');
    if (this.#hanging !== undefined) throw this.#hanging;
  }

  async #room(): Promise<void> {
    const { promise, resolve: enter, reject: fail } = Promise.withResolvers<void>();
    const crowding = { enter, fail };
    this.#crowd.add(crowding);
    const timer = setTimeout(
      () => fail(failure(`more than ${MAX_WAITING_BYTES} bytes are waiting to be written`)),
      this.#timeoutMs,
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#crowd.delete(crowding);
    }
  }

  /** One after the other, since nobody knows how long their lines will be. */
  #letIn(): void {
    if (this.#bytes >= MAX_WAITING_BYTES) return;
    const [next] = this.#crowd;
    if (next === undefined) return;
    this.#crowd.delete(next);
    next.enter();
  }

  #enqueue(line: Buffer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ line, taken: resolve, fail: reject });
    this.#bytes += line.length;
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#inTurn(() => this.#run()).catch(() => undefined);
    }
    return promise;
  }

  /** Reopens what the lines go to, after those that were handed over before. Waits `timeoutMs` at most. */
  async reopen(): Promise<void> {
    await this.#bounded(this.#inTurn(() => (this.#sink.reopen ?? this.#sink.reset).call(this.#sink)));
  }

  /** Waits for what was handed over, `timeoutMs` at most. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#bounded(this.#inTurn(() => this.#sink.reset())).catch(() => undefined);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writeBatch(this.#takeBatch());
    this.#isRunning = false;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    const rest = this.#waiting.findIndex(({ line }, index) => {
      bytes += line.length;
      return index > 0 && bytes > MAX_BATCH_BYTES;
    });
    return this.#waiting.splice(0, rest === -1 ? this.#waiting.length : rest);
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    const lines = batch.map(({ line }) => line);
    const giveUp = new AbortController();
    const writing = this.#sink.write(
      lines.length === 1 ? (lines[0] ?? Buffer.alloc(0)) : Buffer.concat(lines),
      giveUp.signal,
    );
    const timer = setTimeout(() => {
      this.#hanging = failure(`nothing was written for ${this.#timeoutMs / 1000} s`);
      this.#isFailing = true;
      giveUp.abort();
      for (const { fail } of [...batch, ...this.#waiting.splice(0), ...this.#crowd]) fail(this.#hanging);
      this.#bytes = 0;
    }, this.#timeoutMs);
    try {
      await writing;
      this.#isFailing = false;
      for (const { taken } of batch) taken();
    } catch (error) {
      this.#isFailing = true;
      for (const { fail } of batch) fail(error);
    } finally {
      clearTimeout(timer);
      if (this.#hanging === undefined) this.#bytes -= lines.reduce((sum, line) => sum + line.length, 0);
      this.#hanging = undefined;
      this.#letIn();
    }
  }

  async #bounded(work: Promise<void>): Promise<void> {
    const over = Promise.withResolvers<never>();
    const timer = setTimeout(() => over.reject(failure('the device hangs')), this.#timeoutMs);
    try {
      await Promise.race([work, over.promise]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }
}

export function failure(what: string, cause?: unknown): CofferError {
  return new CofferError('failed', cause === undefined ? what : `${what}: ${errorText(cause)}`, { cause });
}
