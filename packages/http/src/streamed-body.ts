import type { ServerResponse } from 'node:http';
import type { Leaving } from '@coffer/base';

/** The chunks of one answer, asked for no faster than its client takes them. Whatever the source throws is passed on. */
export class StreamedBody {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #gone: Leaving;
  #next: IteratorResult<Uint8Array> | undefined;

  /** `gone` is aborted when nobody is left to take more. */
  constructor(chunks: AsyncIterable<Uint8Array>, gone: Leaving) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#gone = gone;
  }

  /** Makes the first chunk, so that what fails at once can still be answered as an error. Does nothing if the client has gone. */
  async begin(): Promise<void> {
    if (!this.#gone.aborted) this.#next = await this.#chunks.next();
  }

  /**
   * Until the source has no more, or the client has gone. Each time that the client must first take what it has, `onFull` gets
   * what resolves when it has done so.
   */
  async sendTo(response: ServerResponse, onFull: (taken: Promise<void>) => void): Promise<void> {
    while (this.#next?.done === false && !this.#gone.aborted) {
      const { value } = this.#next;
      if (value.length > 0 && !response.write(value)) {
        const taken = this.#taken(response);
        onFull(taken);
        await taken;
      }
      if (!this.#gone.aborted) this.#next = await this.#chunks.next();
    }
  }

  /** Lets the source clean up. */
  async end(): Promise<void> {
    await this.#chunks.return?.();
  }

  #taken(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        response.off('drain', over);
        this.#gone.removeEventListener('abort', over);
        resolve();
      };
      response.once('drain', over);
      this.#gone.addEventListener('abort', over);
    });
  }
}
