import {
  closeSync,
  createWriteStream,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type WriteStream,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { isSetAside } from '@coffer/audit';
import { CofferError, errorText } from '@coffer/base';
import { fileOfLog } from './config/own-paths.ts';

export interface LogFileOptions {
  /** A file, or a directory if it ends in a slash: the file in it is `vault.log`, as in Vault. */
  readonly path: string;
  /** Seconds until the file is set aside. Default: a day. */
  readonly rotateDuration?: number;
  /** Bytes after which it is set aside. Default: any number. */
  readonly rotateBytes?: number;
  /** How many of those set aside are kept. 0 (default): all. -1: none. */
  readonly maxFiles?: number;
  /** Told, once each time, that lines are lost. */
  readonly onTrouble: (reason: string) => void;
}

const DAY = 24 * 60 * 60;
/** Of lines that the disk has not taken. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
/** Until a file that could not be written is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Writes lines to a file, and sets it aside with the time in its name (hashicorp/vault:helper/logging/logfile.go). A disk that is
 * full or stands still loses lines, and holds up nobody.
 */
export class LogFile {
  readonly #path: string;
  readonly #options: LogFileOptions;
  #stream: WriteStream | undefined;
  #openedAt = 0;
  #bytes = 0;
  #retryAt = 0;
  #isLosing = false;

  /** @throws CofferError `failed` when it cannot be written */
  constructor(options: LogFileOptions) {
    const { path } = options;
    this.#path = fileOfLog(path);
    this.#options = options;
    try {
      this.#prune();
      this.#open();
    } catch (cause) {
      throw new CofferError('failed', `log_file: ${errorText(cause)}`, { cause });
    }
  }

  write(line: string): void {
    try {
      if (this.#stream === undefined && Date.now() >= this.#retryAt) this.#open();
      this.#rotateIfDue();
    } catch (error) {
      this.#fail(error);
    }
    const stream = this.#stream;
    if (stream === undefined || stream.writableLength > MOST_WAITING_BYTES) {
      this.#lose('the disk cannot keep up');
      return;
    }
    stream.write(line);
    this.#bytes += Buffer.byteLength(line);
  }

  /** Goes on in the file that has the name now: the former may have been renamed. */
  reopen(): void {
    this.#stream?.end();
    this.#stream = undefined;
    try {
      this.#open();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Resolves when all that was written is in the file, or cannot be. */
  close(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => stream.once('close', resolve).end());
  }

  #open(): void {
    const fd = openSync(this.#path, 'a', 0o640);
    try {
      this.#bytes = fstatSync(fd).size;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const stream = createWriteStream('', { fd });
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#fail(error);
    });
    this.#stream = stream;
    this.#openedAt = Date.now();
    this.#isLosing = false;
  }

  #rotateIfDue(): void {
    const { rotateDuration = DAY, rotateBytes = 0 } = this.#options;
    const isFull = rotateBytes > 0 && this.#bytes >= rotateBytes;
    if (this.#stream === undefined || (!isFull && Date.now() - this.#openedAt < rotateDuration * 1000)) return;
    // What it has not taken yet goes to the same file under its new name.
    this.#stream.end();
    this.#stream = undefined;
    const { dir, name, extension } = this.#parts();
    renameSync(this.#path, join(dir, `${name}-${process.hrtime.bigint() + EPOCH}${extension}`));
    this.#prune();
    this.#open();
  }

  #prune(): void {
    const { maxFiles = 0 } = this.#options;
    if (maxFiles === 0) return;
    const { dir } = this.#parts();
    const aside = readdirSync(dir)
      .filter((file) => isSetAside(join(dir, file), join(this.#path)))
      .sort();
    const most = Math.max(0, maxFiles);
    for (const file of aside.slice(0, Math.max(0, aside.length - most))) rmSync(join(dir, file), { force: true });
  }

  #parts(): { dir: string; name: string; extension: string } {
    const own = extname(this.#path);
    return { dir: dirname(this.#path), name: basename(this.#path, own), extension: own === '' ? '.log' : own };
  }

  #fail(error: unknown): void {
    this.#stream?.destroy();
    this.#stream = undefined;
    this.#retryAt = Date.now() + RETRY_MS;
    this.#lose(errorText(error));
  }

  #lose(reason: string): void {
    if (this.#isLosing) return;
    this.#isLosing = true;
    this.#options.onTrouble(`lines are missing in the log file ${this.#path}: ${reason}`);
  }
}

/** What the monotonic clock lacks to be the time, in nanoseconds: names must not repeat when the time is set back. */
const EPOCH = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
