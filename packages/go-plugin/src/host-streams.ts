import type { OpenStream } from './server-call.ts';

/** The streams that a host keeps open for as long as it lives: as long as there is one, the host is there. */
export class HostStreams {
  readonly #open = new Set<OpenStream>();

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Keeps the stream open until the host ends it or goes away. Nothing is ever sent on it. */
  hold(stream: OpenStream): void {
    this.#open.add(stream);
    stream.onClose(() => this.#open.delete(stream));
  }

  endAll(): void {
    for (const stream of this.#open) stream.end();
    this.#open.clear();
  }
}
