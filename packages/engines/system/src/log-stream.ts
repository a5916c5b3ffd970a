import { setTimeout as delay } from 'node:timers/promises';
import {
  formatLog,
  type Leaving,
  type LogEntry,
  type LogFollower,
  type LogFormat,
  type Loggers,
  type LogLevel,
} from '@coffer/base';

/** What waits for a client that reads slowly: lines as in Vault (hashicorp/vault:helper/monitor/monitor.go), and bytes. */
const MOST_LINES = 512;
const MOST_CHARACTERS = 1024 * 1024;
/** How often it is asked whether the reader may go on, in milliseconds. */
const CHECK_MS = 5_000;

const SEALED = 'core received sealed state change, ending monitor session';

export interface LogStreamOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Aborted when the reader has gone. */
  readonly gone: Leaving | undefined;
  /** Aborted when the seal closes. */
  readonly sealed: AbortSignal;
  /** Whether whoever reads still may. */
  readonly mayRead: () => Promise<boolean>;
}

/** The lines of a server's log as they are written, for one reader. */
export class LogStream implements LogFollower {
  readonly level: LogLevel;
  readonly #options: LogStreamOptions;
  #lines: string[] = [];
  #characters = 0;
  #dropped = 0;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(options: LogStreamOptions) {
    this.level = options.level;
    this.#options = options;
  }

  receive(entry: LogEntry): void {
    const line = formatLog(entry, this.#options.format);
    if (this.#lines.length >= MOST_LINES || this.#characters + line.length > MOST_CHARACTERS) {
      this.#dropped++;
      return;
    }
    this.#lines.push(line);
    this.#characters += line.length;
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** Begins with an empty chunk. */
  async *chunks(loggers: Loggers): AsyncGenerator<Uint8Array> {
    const { gone, sealed, mayRead } = this.#options;
    const wake = (): void => this.#wake();
    const unfollow = loggers.follow(this);
    for (const signal of [gone, sealed]) signal?.addEventListener('abort', wake);
    let checkAt = Date.now() + CHECK_MS;
    try {
      yield new Uint8Array(0);
      while (gone?.aborted !== true) {
        const text = this.#take();
        if (text !== '') yield Buffer.from(text);
        else if (this.#isOver) return;
        else if (sealed.aborted) {
          yield Buffer.from(SEALED);
          return;
        } else await this.#change(checkAt - Date.now());
        if (Date.now() < checkAt) continue;
        if (!(await mayRead())) return;
        checkAt = Date.now() + CHECK_MS;
      }
    } finally {
      unfollow();
      for (const signal of [gone, sealed]) signal?.removeEventListener('abort', wake);
    }
  }

  #take(): string {
    const lost = this.#dropped === 0 ? '' : `Monitor dropped ${this.#dropped} logs during monitor request\n`;
    const text = `${this.#lines.join('')}${lost}`;
    this.#lines = [];
    this.#characters = 0;
    this.#dropped = 0;
    return text;
  }

  /** Resolves when there may be something to do, or after `milliseconds`. */
  async #change(milliseconds: number): Promise<void> {
    const timer = new AbortController();
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    const late = delay(Math.max(0, milliseconds), undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([woken, late]);
    timer.abort();
  }
}
