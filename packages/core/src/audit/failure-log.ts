import { errorText, type LogFields, type Logger, type Metrics, NO_METRICS } from '@coffer/base';

/** How often the same is said, in milliseconds: anybody can send requests as often as they like. */
const EVERY_MS = 1_000;

interface Said {
  at: number;
  unlogged: number;
}

/** Says in the log what fails, and which devices work again. */
export class FailureLog {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #failing = new Set<string>();
  readonly #said = new Map<string, Said>();

  constructor(logger: Logger, metrics: Metrics = NO_METRICS) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** Whether `write` succeeded, for the device at `path`. One that is not there any more has not failed. */
  async watch(path: string, write: () => Promise<void>, isThere: () => boolean): Promise<boolean> {
    try {
      await write();
    } catch (error) {
      if (!isThere()) return false;
      this.#failing.add(path);
      this.#metrics.count('coffer.audit.device.failures.total', { device: path });
      this.say(`backend failed to log`, path, { backend: path, error: errorText(error) });
      return false;
    }
    if (this.#failing.delete(path)) this.#logger.info('an audit device works again', { backend: path });
    return true;
  }

  /** An error, of which there may be many about `subject`; the next one that is logged says how many were not. */
  say(message: string, subject: string, fields: LogFields): void {
    const now = Date.now();
    const key = JSON.stringify([message, subject]);
    const said = this.#said.get(key) ?? { at: now - EVERY_MS, unlogged: 0 };
    this.#said.set(key, said);
    if (Math.abs(now - said.at) < EVERY_MS) {
      said.unlogged++;
      return;
    }
    const { unlogged } = said;
    Object.assign(said, { at: now, unlogged: 0 });
    this.#logger.error(message, { ...fields, ...(unlogged > 0 && { unlogged }) });
  }
}
