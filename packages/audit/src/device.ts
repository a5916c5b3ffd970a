import { stat } from 'node:fs/promises';
import { formatTime, randomId, type JsonObject } from '@coffer/base';
import { type DeviceOptions, parseFormat, skipsTest } from './device-options.ts';
import { type DeviceTarget, parseTarget } from './device-target.ts';
import type { AuditedRequest, AuditedResponse, LineFormat } from './event.ts';
import { FileSink } from './file-sink.ts';
import { createHash, type Hash } from './hash.ts';
import type { AuditedHeaders } from './headers.ts';
import { LineQueue, type Sink } from './line-queue.ts';
import { ownFileFault, resolveLogPath } from './log-file.ts';
import { requestEntry } from './request-entry.ts';
import { responseEntry } from './response-entry.ts';
import { SocketSink } from './socket-sink.ts';
import { discardSink, stdoutSink } from './stream-sinks.ts';
import { createWords, type Words } from './words.ts';

export interface DeviceSpec {
  /** `file` or `socket`. */
  readonly type: string;
  readonly options: DeviceOptions;
  /** The key of its hashes. */
  readonly salt: string;
}

export interface DevicePlace {
  /** Files that no log may be written to, and directories: of the store, of the plugins, of the configuration. */
  readonly reserved: () => readonly string[];
}

/** @throws CofferError `failed` for options that cannot be used, naming what is wrong */
export function checkDevice(type: string, options: DeviceOptions): void {
  parseFormat(type, options);
  skipsTest(options);
  parseTarget(type, options);
}

/**
 * What is wrong with where a device of `type` would write, though its options can be used; undefined for nothing.
 * Whether its directory is there, and what is in the file, does not matter yet.
 */
export async function placeFault(
  type: string,
  options: DeviceOptions,
  { reserved }: DevicePlace,
): Promise<string | undefined> {
  const target = parseTarget(type, options);
  return target.kind === 'file' ? ownFileFault(target.path, reserved()) : undefined;
}

/** How long a line may wait for a file, in milliseconds. */
const FILE_TIMEOUT_MS = 5_000;

/** Writes a line for each request and each response. */
export class Device {
  readonly hash: Hash;
  readonly #format: LineFormat;
  readonly #words: Words;
  readonly #queue: LineQueue;
  /** Nobody would read the line. */
  readonly #discards: boolean;

  /**
   * Nothing is opened yet: the first line does that, and each one after a failure.
   * @throws CofferError `failed` for options that cannot be used, naming what is wrong
   */
  constructor({ type, options, salt }: DeviceSpec, place: DevicePlace) {
    this.#format = parseFormat(type, options);
    this.hash = createHash(salt);
    this.#words = createWords(this.#format, this.hash);
    const target = parseTarget(type, options);
    this.#discards = target.kind === 'discard';
    this.#queue = new LineQueue(sinkOf(target, this.#format, place), timeoutOf(target));
  }

  /** Whether the last line was not taken. */
  get isFailing(): boolean {
    return this.#queue.isFailing;
  }

  /** @throws CofferError `failed`, or what the system says, when the line was not taken */
  async logRequest(event: AuditedRequest, headers: AuditedHeaders): Promise<void> {
    if (!this.#discards) await this.#write(() => requestEntry(event, this.#words, headers));
  }

  /** As {@link logRequest}. */
  async logResponse(asked: AuditedRequest, response: AuditedResponse, headers: AuditedHeaders): Promise<void> {
    if (this.#discards) return;
    await this.#write(() => responseEntry({ asked, response, format: this.#format }, this.#words, headers));
  }

  /** Writes the line by which Vault tries a new device. */
  async logTest(): Promise<void> {
    await this.#write(async () => ({
      time: formatTime(Date.now()),
      type: 'request',
      auth: { token_type: 'default' },
      request: { id: randomId(), operation: 'update', namespace: { id: 'root' }, path: 'sys/audit/test' },
    }));
  }

  /** Opens a file at once, and a socket with the next line. @throws CofferError `failed`, or what the system says, for one that cannot be */
  reopen(): Promise<void> {
    return this.#queue.reopen();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #write(make: () => Promise<JsonObject>): Promise<void> {
    return this.#queue.write(async () => `${this.#format.prefix}${JSON.stringify(await make())}\n`);
  }
}

function sinkOf(target: DeviceTarget, { prefix }: LineFormat, { reserved }: DevicePlace): Sink {
  switch (target.kind) {
    case 'stdout':
      return stdoutSink;
    case 'discard':
      return discardSink;
    case 'socket':
      return new SocketSink(target.address, target.timeoutMs);
    case 'file': {
      const { path, mode } = target;
      return new FileSink({
        path: async () => {
          if (mode === undefined) await stat(path);
          return resolveLogPath(path, reserved());
        },
        mode,
        prefix,
      });
    }
  }
}

/** A socket may take its time twice, to connect and to write, and once more after it has failed. */
function timeoutOf(target: DeviceTarget): number {
  return target.kind === 'socket' ? 4 * target.timeoutMs + 500 : FILE_TIMEOUT_MS;
}
