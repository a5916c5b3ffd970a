import type { Core } from '../core.ts';
import type { IncomingRequest, OutgoingResponse } from '@coffer/framework';

/** How long the end of a core waits for the requests that it still serves, in milliseconds. */
const PATIENCE_MS = 30_000;

/** A core with its requests counted, so that it ends after them. */
export class LiveCore {
  readonly core: Core;
  readonly #closeRest: () => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();

  constructor(core: Core, closeRest: () => Promise<void>) {
    this.core = core;
    this.#closeRest = closeRest;
  }

  async handle(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    const work = this.core.handle(request);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  /** Nobody may call {@link handle} any more. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([Promise.allSettled(this.#running), patience]);
    clearTimeout(timer);
    await this.core.stop();
    await this.#closeRest();
  }
}
