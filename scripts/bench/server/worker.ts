/** A process of ours that does one thing at a time, when it is told to. It says `ready` first, and answers each order. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

export class Worker<Order extends object, Answer> {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start<Order extends object, Answer>(file: string): Promise<Worker<Order, Answer>> {
    const child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'message');
    return new Worker(child);
  }

  /** One order at a time. */
  async run(order: Order): Promise<Answer> {
    const child = this.#child;
    const over = new AbortController();
    const ended = once(child, 'exit', { signal: over.signal }).then(() => {
      throw new Error(`${child.spawnargs.at(-1)} has ended`);
    });
    const answer = once(child, 'message', { signal: over.signal }).then(([message]) => message as Answer);
    child.send(order);
    try {
      return await Promise.race([answer, ended]);
    } finally {
      // Whichever of them waits still is let go of.
      answer.catch(() => undefined);
      ended.catch(() => undefined);
      over.abort();
    }
  }

  async stop(): Promise<void> {
    if (!this.#child.connected) return;
    const end = once(this.#child, 'exit');
    this.#child.disconnect();
    await end;
  }
}
