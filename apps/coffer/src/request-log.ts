import { CofferError, type Logger, type LogLevel } from '@coffer/base';
import type { IncomingRequest, RequestHandler } from '@coffer/framework';
import { answerStatus, errorStatus } from '@coffer/http';

/** One line for each request that has been answered, with nothing of what was sent or answered. */
export class RequestLog {
  readonly #logger: Logger;
  #level: LogLevel | 'off' = 'debug';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Vault's `log_requests_level`. Default: `debug`. */
  setLevel(level: LogLevel | 'off' = 'debug'): void {
    this.#level = level;
  }

  around(handle: RequestHandler): RequestHandler {
    return async (request) => {
      const since = performance.now();
      try {
        const answer = await handle(request);
        this.#write(request, since, () => answerStatus(answer));
        return answer;
      } catch (thrown) {
        this.#write(request, since, () => errorStatus(CofferError.from(thrown)));
        throw thrown;
      }
    };
  }

  #write({ id, path, operation }: IncomingRequest, since: number, status: () => number): void {
    if (this.#level === 'off') return;
    const ms = Math.round(performance.now() - since);
    this.#logger[this.#level]('completed_request', { id, path, operation, status: status(), ms });
  }
}
