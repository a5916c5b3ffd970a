import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CofferError, errorText } from '@coffer/base';

const CHUNK_BYTES = 64 * 1024;

/**
 * A file without a name that is read while it is written, or later. Whoever writes never waits for whoever reads. It is gone
 * when it is closed, or the process ends.
 */
export class Spool {
  readonly #file: FileHandle;
  readonly #longest: number;
  #size = 0;
  #isWhole = false;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  /** `longest`: more bytes are refused. @throws CofferError `failed` */
  static async make(longest = Number.POSITIVE_INFINITY): Promise<Spool> {
    try {
      const directory = await mkdtemp(join(tmpdir(), 'coffer-spool-'));
      try {
        return new Spool(await open(join(directory, 'spool'), 'wx+', 0o600), longest);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    } catch (cause) {
      throw new CofferError('failed', `no room to buffer the snapshot: ${errorText(cause)}`, { cause });
    }
  }

  private constructor(file: FileHandle, longest: number) {
    this.#file = file;
    this.#longest = longest;
  }

  /** One call after the other. @throws CofferError `failed` when the disk is full; `invalid-request` when it gets too long */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#size + bytes.length > this.#longest) {
      throw new CofferError('invalid-request', `a snapshot of more than ${this.#longest} bytes is too large`);
    }
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#size + done);
        done += bytesWritten;
      }
    } catch (cause) {
      throw new CofferError('failed', `no room to buffer the snapshot in ${tmpdir()}: ${errorText(cause)}`, {
        cause,
      });
    }
    this.#size += bytes.length;
    this.#wake();
  }

  /** Nothing more comes. */
  end(): void {
    this.#isWhole = true;
    this.#wake();
  }

  /** Nothing more comes, and what did is worth nothing: whoever reads or writes gets this error. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** From the first byte to the last, however long that takes to come. One reader at a time. */
  async *read(): AsyncGenerator<Uint8Array> {
    for (let at = 0; ; ) {
      if (this.#failure !== undefined) throw this.#failure;
      if (at < this.#size) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, this.#size - at));
        const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, at);
        if (bytesRead === 0) throw new CofferError('failed', 'the snapshot was cut off in transit');
        at += bytesRead;
        yield chunk.subarray(0, bytesRead);
      } else {
        if (this.#isWhole) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  async close(): Promise<void> {
    this.fail(new CofferError('failed', 'the transfer of the snapshot was abandoned'));
    await this.#file.close();
  }
}
