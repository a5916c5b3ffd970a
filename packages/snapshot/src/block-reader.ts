import { damaged } from './format.ts';

/** Reads a stream in pieces of whatever size is asked for. */
export class BlockReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer[] = [];
  #length = 0;

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** @throws CofferError `invalid-request` when there are not so many bytes any more; whatever the stream fails with */
  async read(size: number): Promise<Buffer> {
    while (this.#length < size) {
      const next = await this.#chunks.next();
      if (next.done === true) throw damaged('it ends too early');
      this.#rest.push(next.value);
      this.#length += next.value.length;
    }
    const all = this.#rest.length === 1 ? (this.#rest[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#rest);
    this.#rest = [all.subarray(size)];
    this.#length -= size;
    return all.subarray(0, size);
  }

  /** @throws CofferError `invalid-request` when something follows; whatever the stream fails with */
  async expectEnd(): Promise<void> {
    if (this.#length > 0 || (await this.#chunks.next()).done !== true) throw damaged('it has data after its end');
  }
}
