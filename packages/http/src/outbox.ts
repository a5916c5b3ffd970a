/**
 * Sends the answers that are ready in one round of the event loop together, at its end. A client that waits has to be woken by the
 * system for each answer that comes alone, which costs more than all the rest of a read; while it is awake the others cost a
 * seventh of that (decision 0037). An answer that is alone goes out in the same round.
 */
export class Outbox {
  #waiting: (() => void)[] = [];

  add(send: () => void): void {
    this.#waiting.push(send);
    if (this.#waiting.length === 1) setImmediate(() => this.#sendAll());
  }

  #sendAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const send of waiting) {
      try {
        send();
      } catch (thrown) {
        // A defect, which must not keep others from being sent.
        setImmediate(() => {
          throw thrown;
        });
      }
    }
  }
}

/** Of all edges of the process: they share its event loop. */
export const outbox = new Outbox();
