/** An unbounded queue with one reader that waits. */
export class Mailbox<T> {
  #items: T[] = [];
  #closed = false;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** No more items: the reader still gets those that are there. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  /** The next item, or undefined when there will be no more. */
  async next(): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#items.shift();
  }
}
