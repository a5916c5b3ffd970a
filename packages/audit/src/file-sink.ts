import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkLogFile } from './log-file.ts';
import type { Sink } from './line-queue.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_WRONLY } = constants;
/** Without O_NONBLOCK, a pipe that nobody reads would take one of the few threads that all of Node.js shares. */
const TO_APPEND = O_APPEND | O_NONBLOCK | O_WRONLY;

/** How often a full pipe is tried again, in milliseconds. */
const FULL_PIPE_MS = 20;

export interface FileSinkOptions {
  /** Where it is, looked up each time it is opened. */
  readonly path: () => Promise<string>;
  /** Of a new file, and set on one that is there; undefined leaves that as it is. */
  readonly mode: number | undefined;
  /** Of its lines. */
  readonly prefix: string;
}

/** Appends to a file, which it opens when there is something to write. */
export class FileSink implements Sink {
  readonly #options: FileSinkOptions;
  #file: FileHandle | undefined;
  /** A line was cut off: the next one must not continue it. */
  #isCut = false;

  constructor(options: FileSinkOptions) {
    this.#options = options;
  }

  async write(bytes: Buffer, signal: AbortSignal): Promise<void> {
    const written = { bytes: 0 };
    try {
      await this.#append(bytes, written, signal);
    } catch (error) {
      signal.throwIfAborted();
      // What was open may have been taken away. As in Vault, it is opened once more before the write counts as failed.
      await this.reset();
      await this.#append(bytes, written, signal).catch((again: unknown) => {
        throw again instanceof Error ? again : error;
      });
    }
  }

  async reset(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async reopen(): Promise<void> {
    await this.reset().catch(() => undefined);
    await this.#open();
  }

  async #open(): Promise<FileHandle> {
    const { mode = 0o600, prefix } = this.#options;
    const path = await this.#options.path();
    const file = await openOrMake(path, mode);
    try {
      const kind = await checkLogFile(file, path, prefix);
      if (kind === 'regular' && this.#options.mode !== undefined) await file.chmod(mode);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }

  async #append(bytes: Buffer, written: { bytes: number }, signal: AbortSignal): Promise<void> {
    const file = this.#file ?? (await this.#open());
    const write = async (part: Buffer) => file.write(part);
    if (this.#isCut && written.bytes === 0) await writeSome(write, Buffer.from('\n'), signal);
    this.#isCut = false;
    try {
      while (written.bytes < bytes.length)
        written.bytes += await writeSome(write, bytes.subarray(written.bytes), signal);
    } catch (error) {
      this.#isCut = written.bytes > 0;
      throw error;
    }
  }
}

/** A file is only made where no link stands: one that leads nowhere yet was not resolved, and may lead to where no log may be. */
async function openOrMake(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, TO_APPEND);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return open(path, TO_APPEND | O_CREAT | O_EXCL, mode);
  }
}

/** Waits while a pipe is full. Returns how many bytes were taken. */
export async function writeSome(
  write: (bytes: Buffer) => Promise<{ readonly bytesWritten: number }>,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<number> {
  for (;;) {
    try {
      return (await write(bytes)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await sleep(FULL_PIPE_MS, undefined, { signal });
    }
  }
}
