import { accessSync, constants } from 'node:fs';
import { isSea } from 'node:sea';
import { CofferError, errorText, type Logger } from '@coffer/base';
import type { SealableCore } from '@coffer/core';
import { formatListenAddress, type ListenAddress, parseListenAddress } from './listen-address.ts';

/*
 * After a seal the process replaces itself: JavaScript cannot promise that a key or a share that was ever in its memory is
 * gone from it (docs/decisions/0010-replacement-after-a-seal.md). The new program has the same process id and none of the memory.
 */

/** Tells the next process that it stays sealed, and where to listen. */
const MARK = 'COFFER_SEALED_LISTENERS';

type Environment = Record<string, string | undefined>;

/** Where the previous process listened, if a seal put this one in its place. Removes that from the environment. */
export function replacedListeners(env: Environment): readonly ListenAddress[] | undefined {
  const mark = env[MARK];
  delete env[MARK];
  return mark?.split(' ').flatMap((text) => parseListenAddress(text) ?? []);
}

/** Whether this process can be replaced: not on Windows. */
export function canBeReplaced(): boolean {
  return process.execve !== undefined;
}

/**
 * Starts this program again in this process. Whatever is still open is cut off. Does not return.
 *
 * @throws CofferError `failed` when the program is no longer there: then the process has to end
 */
export function replaceProcess(listeners: readonly ListenAddress[], env: Environment): never {
  // Node.js aborts when the system refuses, and a core dump would hold all that is to go.
  try {
    accessSync(process.execPath, constants.X_OK);
  } catch (cause) {
    throw new CofferError('failed', `failed to restart the sealed process, so it exits: ${errorText(cause)}`, {
      cause,
    });
  }
  // Nothing else tells those that end with the process, such as a plugin that is just being started.
  process.emit('exit', 0);
  const program = isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''];
  const args = [process.argv0, ...program, ...process.argv.slice(2)];
  const mark = { [MARK]: listeners.map((listener) => formatListenAddress(listener)).join(' ') };
  process.execve?.(process.execPath, args, { ...env, ...mark });
  throw new Error('this system cannot restart a process in place');
}

/** How long there must have been no request, in milliseconds: whoever seals often checks at once that it is sealed. */
const QUIET_MS = 3_000;
/** How long after the seal to wait for that, at most. */
const LATEST_MS = 10_000;
const LOOK_MS = 200;

/** Finds a moment after a seal at which the process can be replaced without interrupting anybody. */
export class QuietMoment {
  /** Resolves once, at that moment; never if the seal is opened again before. */
  readonly found: Promise<void>;
  readonly #resolve: () => void;
  readonly #logger: Logger;
  #lastRequest = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.found = promise;
    this.#resolve = () => resolve(undefined);
    this.#logger = logger;
  }

  request(): void {
    this.#lastRequest = performance.now();
  }

  /** Starts looking for the moment. */
  sealed(seal: Pick<SealableCore, 'state'>): void {
    const since = performance.now();
    this.request();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(seal, since), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look({ state }: Pick<SealableCore, 'state'>, since: number): void {
    if (state === 'open') this.stop();
    if (state === 'open' || state === 'opening') return;
    const now = performance.now();
    const isQuiet = state === 'closed' && now - this.#lastRequest >= QUIET_MS;
    if (!isQuiet && now - since < LATEST_MS) return;
    this.stop();
    if (state === 'shares')
      this.#logger.warn('unseal shares entered since the server was sealed are discarded: enter them again');
    this.#resolve();
  }
}
