/** A fixed piece of work, in a process of its own: what it takes says how fast the machine is just now. */
import { join } from 'node:path';
import { Worker } from '../bench/server/worker.ts';

/** What the process is told. It answers with the microseconds of processor time that it took. */
export interface Work {
  /** How often something is computed. */
  readonly turns: number;
  /** Packets that are sent and answered. */
  readonly exchanges: number;
}

/** About 0.2 s of a processor. */
const WORK: Work = { turns: 4_000, exchanges: 8_000 };

export class Yardstick {
  readonly #worker: Worker<Work, number>;

  private constructor(worker: Worker<Work, number>) {
    this.#worker = worker;
  }

  static async start(): Promise<Yardstick> {
    return new Yardstick(await Worker.start(join(import.meta.dirname, 'yardstick-process.ts')));
  }

  /** Does the work. @returns microseconds a turn, with its exchanges: so long is a yardstick now */
  async lay(): Promise<number> {
    return (await this.#worker.run(WORK)) / WORK.turns;
  }

  async stop(): Promise<void> {
    await this.#worker.stop();
  }
}
